#include "files/shard_source.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"
#include "core/text.h"
#include "files/braces.h"
#include "files/file.h"
#include "files/tar_index.h"

namespace tessera {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t kLongestClass = std::uint64_t{1} << 16;  // bytes of a .cls or .json

std::string lower(std::string_view text) {
  std::string word(text);
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return word;
}

template <typename Words>
bool is_one_of(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array kImages = {"jpg"sv, "jpeg"sv, "webp"sv, "bmp"sv, "png"sv};
constexpr std::array kMasks = {"seg.png"sv, "mask.png"sv, "png"sv};
constexpr std::array kParts = {"train"sv,      "training"sv, "val"sv,    "valid"sv,
                               "validation"sv, "test"sv,     "testing"sv};

/// `imagenet-train-000012.tar`: the name of the archive, and `train`.
struct ShardName {
  std::string shard;
  std::string part;
};

ShardName name_of(const std::string& path) {
  constexpr std::string_view kBetween = "-_.";
  std::string shard = path.substr(path.rfind('/') + 1);
  if (shard.ends_with(".tar")) shard.resize(shard.size() - 4);
  std::string_view word = shard;
  while (!word.empty() && (word.back() >= '0' && word.back() <= '9')) word.remove_suffix(1);
  while (!word.empty() && kBetween.find(word.back()) != std::string_view::npos) {
    word.remove_suffix(1);
  }
  const std::size_t begin = word.find_last_of(kBetween);
  if (begin != std::string_view::npos) word.remove_prefix(begin + 1);
  const std::string part = lower(word);
  return {shard, is_one_of(kParts, part) ? part : ""};
}

/// The files of a sample, by what comes after the first dot of their names.
using SampleFiles = std::map<std::string, TarFile, std::less<>>;

std::string joined(std::initializer_list<std::string_view> names) {
  std::string path;
  for (const std::string_view name : names) {
    if (name.empty()) continue;
    if (!path.empty()) path += '/';
    path += name;
  }
  return path;
}

}  // namespace

ShardSource::ShardSource(const std::string& pattern) : FileSource(pattern) {
  for (std::string& path : expand_braces(pattern)) shards_.push_back({std::move(path), -1});
  try {
    for (Shard& shard : shards_) shard.file = open_file(shard.path);
    std::vector<std::vector<Entry>> parts(shards_.size());
    parallel_for(static_cast<std::int64_t>(shards_.size()), 1,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i) {
                     parts[static_cast<std::size_t>(i)] = index(static_cast<std::uint32_t>(i));
                   }
                 });
    std::size_t count = 0;
    for (const std::vector<Entry>& part : parts) count += part.size();
    entries_.reserve(count);
    for (std::vector<Entry>& part : parts) {
      entries_.insert(entries_.end(), std::make_move_iterator(part.begin()),
                      std::make_move_iterator(part.end()));
      part = {};
    }
  } catch (...) {
    for (const Shard& shard : shards_) ::close(shard.file);
    throw;
  }
  std::ranges::sort(entries_, {}, &Entry::path);
}

ShardSource::~ShardSource() {
  for (const Shard& shard : shards_) ::close(shard.file);
}

std::vector<ShardSource::Entry> ShardSource::index(std::uint32_t number) const {
  const Shard& shard = shards_[number];
  struct stat status {};
  if (::fstat(shard.file, &status) != 0) {
    fail<DataError>("[shards] {}: {}", shown(shard.path), std::strerror(errno));
  }
  const TarIndex tar = read_tar_index(
      [&](std::uint64_t offset, std::span<std::uint8_t> out) {
        read_at(shard.file, offset, out, shown(shard.path));
      },
      static_cast<std::uint64_t>(status.st_size), shown(shard.path));
  std::map<std::string, SampleFiles> samples;
  for (const auto& [path, file] : tar.files) {
    const std::size_t dot = path.find('.', path.rfind('/') + 1);
    if (dot == std::string::npos) continue;
    samples[path.substr(0, dot)].emplace(lower(std::string_view(path).substr(dot + 1)), file);
  }
  const auto [name, part] = name_of(shard.path);
  std::vector<Entry> found;
  const auto add = [&](std::string path, const TarFile& file) {
    if (file.size > UINT32_MAX) {
      fail<DataError>("[shards] {}: {} is too large", shown(shard.path), quoted(path));
    }
    found.push_back({std::move(path), file.offset, static_cast<std::uint32_t>(file.size), number});
  };
  for (const auto& [key, parts] : samples) {
    const auto& files = parts;  // clang 14 captures no name of a structured binding
    const auto image = std::ranges::find_if(
        kImages, [&files](std::string_view ending) { return files.contains(ending); });
    if (image == kImages.end()) continue;  // of something else
    const TarFile& pixels = files.find(*image)->second;
    const std::string file = joined({name, key}) + "." + std::string(*image);
    const auto classes = files.contains("cls") ? files.find("cls") : files.find("json");
    if (classes != files.end()) {
      const auto& [ending, text] = *classes;
      add(joined({part, class_of(shard, key, ending, text.offset, text.size), file}), pixels);
      continue;
    }
    const auto mask = std::ranges::find_if(kMasks, [&](std::string_view ending) {
      return ending != *image && files.contains(ending);
    });
    if (mask == kMasks.end()) {
      fail<DataError>("[shards] {}: {} has no class ({}.cls, {}.json) and no mask ({}.png)",
                      shown(shard.path), quoted(key + "." + std::string(*image)), shown(key),
                      shown(key), shown(key));
    }
    add(joined({"images", part, file}), pixels);
    add(joined({"masks", part, name, key}) + ".png", files.find(*mask)->second);
  }
  return found;
}

std::string ShardSource::class_of(const Shard& shard, const std::string& key,
                                  std::string_view ending, std::uint64_t offset,
                                  std::uint64_t size) const {
  const auto wrong = [&](std::string_view why) {
    fail<DataError>("[shards] {}: {}.{} {}", shown(shard.path), shown(key), ending, why);
  };
  if (size > kLongestClass) wrong("is too long for a class");
  std::string text(size, '\0');
  read_at(shard.file, offset, {reinterpret_cast<std::uint8_t*>(text.data()), size},
          shown(shard.path));
  std::string name;
  if (ending == "json") {
    const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    for (const char* member : {"cls", "label", "class"}) {
      if (!name.empty() || !json.is_object() || !json.contains(member)) continue;
      const auto& value = json[member];
      name = value.is_string()           ? value.get<std::string>()
             : value.is_number_integer() ? value.dump()
                                         : "";
    }
    if (name.empty()) wrong("has no cls, label or class that is a number or a text");
  } else {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    const std::size_t end = text.find_last_not_of(" \t\r\n");
    if (begin == std::string::npos) wrong("is empty");
    name = text.substr(begin, end - begin + 1);
  }
  if (clean_path(name) != name || name.find('/') != std::string::npos) {
    wrong(fmt::format("is no class: {}", quoted(name)));
  }
  return name;
}

std::vector<ShardSource::Entry>::const_iterator ShardSource::first_below(
    const std::string& prefix) const {
  return std::ranges::lower_bound(entries_, prefix, {}, &Entry::path);
}

const ShardSource::Entry* ShardSource::find(const std::string& path) const {
  const auto at = first_below(path);
  return at != entries_.end() && at->path == path ? &*at : nullptr;
}

Listing ShardSource::list(const std::string& folder) const {
  const std::string prefix = folder.empty() ? "" : folder + '/';
  Listing listing;
  for (auto at = first_below(prefix); at != entries_.end() && at->path.starts_with(prefix); ++at) {
    listing.files.push_back(at->path);
  }
  return listing;
}

FolderEntries ShardSource::entries(const std::string& folder) const {
  const std::string prefix = folder.empty() ? "" : folder + '/';
  FolderEntries found;
  for (auto at = first_below(prefix); at != entries_.end() && at->path.starts_with(prefix);) {
    const std::size_t slash = at->path.find('/', prefix.size());
    if (slash == std::string::npos) {
      found.files.push_back(at->path);
      ++at;
      continue;
    }
    found.folders.push_back(at->path.substr(prefix.size(), slash - prefix.size()));
    // On to what is in none of this folder: `0` comes after `/`.
    at = first_below(at->path.substr(0, slash) + static_cast<char>('/' + 1));
  }
  return found;
}

bool ShardSource::has_folder(const std::string& path) const {
  const auto at = first_below(path + '/');
  return path.empty() || (at != entries_.end() && at->path.starts_with(path + '/'));
}

std::uint64_t ShardSource::file_size(const std::string& path) const {
  const Entry* entry = find(path);
  return entry == nullptr ? 0 : entry->size;
}

std::vector<std::uint8_t> ShardSource::read(const std::string& path, std::size_t limit) const {
  const Entry* entry = find(path);
  if (entry == nullptr) fail<DataError>("[shards] {}: holds no {}", shown(root()), quoted(path));
  const Shard& shard = shards_[entry->shard];
  if (entry->size > limit) {
    fail<DataError>("[shards] {}: {} has more than {} bytes", shown(shard.path), quoted(path),
                    limit);
  }
  std::vector<std::uint8_t> bytes(entry->size);
  read_at(shard.file, entry->offset, bytes, shown(shard.path));
  return bytes;
}

}  // namespace tessera
