#include "data/sets/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/text.h"
#include "data/images/image_format.h"

namespace tessera {
namespace {

struct Kind {
  std::string_view one;
  std::string_view many;
};

void add(std::vector<std::string>& lines, const std::string& place, const Kind& kind,
         const std::vector<std::string>& names) {
  if (names.empty()) return;
  lines.push_back(fmt::format("[data] {}: {}", place, counted_names(names, kind.one, kind.many)));
}

}  // namespace

std::string counted_names(const std::vector<std::string>& names, std::string_view one,
                          std::string_view many) {
  constexpr std::size_t kMost = 3;
  std::string text = fmt::format("{} {}: ", names.size(), names.size() == 1 ? one : many);
  for (std::size_t i = 0; i < std::min(kMost, names.size()); ++i) {
    text += (i == 0 ? "" : ", ") + quoted(names[i]);
  }
  return names.size() > kMost ? text + ", ..." : text;
}

void add_unread(const std::string& place, const std::vector<LeftOut>& left_out,
                const std::vector<std::string>& other_files, Findings& findings) {
  std::map<LeftOutReason, std::vector<std::string>> by_reason;
  for (const LeftOut& entry : left_out) by_reason[entry.reason].push_back(entry.path);
  std::vector<std::string> unread, others;
  for (const std::string& path : other_files) {
    (kind_of_name(path) == NameKind::kUnreadImage ? unread : others).push_back(path);
  }
  add(findings.problems, place,
      {"image is of a format that is not read; convert it to PNG or JPEG",
       "images are of formats that are not read; convert them to PNG or JPEG"},
      unread);
  add(findings.problems, place, {"link leads nowhere", "links lead nowhere"},
      by_reason[LeftOutReason::kDangling]);
  add(findings.problems, place,
      {"entry is no file, or may not be looked at",
       "entries are no files, or may not be looked at"},
      by_reason[LeftOutReason::kUnreadable]);
  add(findings.notes, place,
      {"file without the name of an image, left out",
       "files without the name of an image, left out"},
      others);
  add(findings.notes, place, {"hidden entry, left out", "hidden entries, left out"},
      by_reason[LeftOutReason::kHidden]);
  add(findings.notes, place,
      {"entry that a storage system left behind, left out",
       "entries that storage systems left behind, left out"},
      by_reason[LeftOutReason::kLitter]);
}

}  // namespace tessera
