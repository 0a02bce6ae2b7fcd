#include "formats/weights/detector_names.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace tessera {
namespace {

/// Names that begin with a part; N is a number, which is `stride` N + `offset` in torchvision's.
struct Row {
  std::string_view ours;
  std::string_view ours_end;
  std::string_view theirs;
  std::string_view theirs_end;
  int stride = 0;  ///< 0: there is no number
  int offset = 0;
};

// In the order in which they are tried: older files have no `.0` behind a convolution's number.
constexpr std::array kRows{
    Row{"head.pyramid.laterals.", "", "backbone.fpn.inner_blocks.", ".0", 1},
    Row{"head.pyramid.smooths.", "", "backbone.fpn.layer_blocks.", ".0", 1},
    Row{"head.pyramid.laterals.", "", "backbone.fpn.inner_blocks.", "", 1},
    Row{"head.pyramid.smooths.", "", "backbone.fpn.layer_blocks.", "", 1},
    Row{"head.pyramid.extras.", "", "backbone.fpn.extra_blocks.p", "", 1, 6},
    Row{"head.class_tower.", ".conv", "head.classification_head.conv.", "", 3},
    Row{"head.class_tower.", ".norm", "head.classification_head.conv.", "", 3, 1},
    Row{"head.box_tower.", ".conv", "head.regression_head.conv.", "", 3},
    Row{"head.box_tower.", ".norm", "head.regression_head.conv.", "", 3, 1},
    Row{"head.logits", "", "head.classification_head.cls_logits", ""},
    Row{"head.distances", "", "head.regression_head.bbox_reg", ""},
    Row{"head.centreness", "", "head.regression_head.bbox_ctrness", ""},
};

/// A number without leading zeros, cut off the front of `text`.
std::optional<int> take_number(std::string_view& text) {
  int value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto digits = static_cast<std::size_t>(stop - text.data());
  if (error != std::errc{} || value < 0 || (digits > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  text.remove_prefix(digits);
  return value;
}

/// `.weight` behind `begin`, a number if there is one, and `end`; nullopt if the name is another.
std::optional<std::string_view> match(std::string_view name, std::string_view begin,
                                      std::string_view end, bool numbered, int& number) {
  if (!name.starts_with(begin)) return std::nullopt;
  name.remove_prefix(begin.size());
  if (numbered) {
    const auto found = take_number(name);
    if (!found) return std::nullopt;
    number = *found;
  }
  if (!name.starts_with(end)) return std::nullopt;
  name.remove_prefix(end.size());
  if (name != ".weight" && name != ".bias") return std::nullopt;
  return name;
}

std::string joined(std::string_view begin, bool numbered, int number, std::string_view end,
                   std::string_view rest) {
  std::string name(begin);
  if (numbered) name += std::to_string(number);
  return name.append(end).append(rest);
}

}  // namespace

bool are_detector_names(std::span<const std::string> names) {
  return std::ranges::any_of(names, [](const std::string& name) {
    return name.starts_with(kDetectorBody) || name.starts_with("head.pyramid.");
  });
}

std::optional<std::string> detector_to_tessera(std::string_view name) {
  for (const Row& row : kRows) {
    int number = 0;
    const auto rest = match(name, row.theirs, row.theirs_end, row.stride > 0, number);
    if (!rest || number < row.offset) continue;
    if (row.stride > 0 && (number - row.offset) % row.stride != 0) continue;
    const int ours = row.stride > 0 ? (number - row.offset) / row.stride : 0;
    return joined(row.ours, row.stride > 0, ours, row.ours_end, *rest);
  }
  return std::nullopt;
}

std::optional<std::string> detector_from_tessera(std::string_view name) {
  for (const Row& row : kRows) {
    int number = 0;
    const auto rest = match(name, row.ours, row.ours_end, row.stride > 0, number);
    if (!rest) continue;
    return joined(row.theirs, row.stride > 0, row.stride * number + row.offset, row.theirs_end,
                  *rest);
  }
  return std::nullopt;
}

bool is_one_in_torchvision(std::string_view name) { return name.starts_with("head.scales."); }

}  // namespace tessera
