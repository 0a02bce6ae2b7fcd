#include "data/sets/yolo.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/sets/dense_files.h"
#include "data/sets/split_plan.h"
#include "data/sets/yolo_yaml.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxYamlBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxTextBytes = std::size_t{64} << 20;
constexpr double kSpare = 0.01;  // beyond the image, by rounding

std::vector<double> numbers_in(std::string_view line, const std::string& place) {
  std::vector<double> numbers;
  constexpr std::string_view kSpace = " \t,";
  for (std::size_t at = line.find_first_not_of(kSpace); at < line.size();
       at = line.find_first_not_of(kSpace, at)) {
    const std::size_t end = std::min(line.find_first_of(kSpace, at), line.size());
    const std::string_view word = line.substr(at, end - at);
    double value = 0.0;
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || stop != word.data() + word.size()) {
      fail<DataError>("{}: {} is no number", place, quoted(word));
    }
    numbers.push_back(value);
    at = end;
  }
  return numbers;
}

/// Corners x0, y0, x1, y1 of a row after its class.
std::array<double, 4> corners_of(std::span<const double> numbers) {
  if (numbers.size() == 4) {
    const double x = numbers[0], y = numbers[1], w = numbers[2], h = numbers[3];
    return {x - 0.5 * w, y - 0.5 * h, x + 0.5 * w, y + 0.5 * h};
  }
  std::array<double, 4> hull{numbers[0], numbers[1], numbers[0], numbers[1]};
  for (std::size_t i = 2; i < numbers.size(); i += 2) {
    hull[0] = std::min(hull[0], numbers[i]);
    hull[1] = std::min(hull[1], numbers[i + 1]);
    hull[2] = std::max(hull[2], numbers[i]);
    hull[3] = std::max(hull[3], numbers[i + 1]);
  }
  return hull;
}

struct Opened {
  std::shared_ptr<const FileSource> files;
  std::string folder;  ///< of the YAML file, below the root
  std::string name;    ///< of the YAML file, for messages
  YoloYaml yaml;

  Parts parts() const { return {!yaml.val.empty(), !yaml.test.empty()}; }
};

/// In the root or, as in many archives, in the only folder in it.
std::string yaml_in(const FileSource& files) {
  std::string folder;
  for (int depth = 0; depth < 3; ++depth) {
    std::vector<std::string> found;
    for (const std::string& path : files.top_files(folder)) {
      if (path.ends_with("data.yaml") || path.ends_with("data.yml")) return path;
      if (path.ends_with(".yaml") || path.ends_with(".yml")) found.push_back(path);
    }
    if (found.size() == 1) return found.front();
    const std::vector<std::string> inside = files.folders(folder);
    if (inside.size() != 1) break;
    folder = joined(folder, inside.front());
  }
  fail<DataError>("[yolo] {}: holds no data.yaml; set data.root to its folder", shown_path(files));
}

Opened open(const DataConfig& config) {
  DataConfig rooted = config;
  std::string path;
  if (const fs::path root = config.root;
      root.extension() == ".yaml" || root.extension() == ".yml") {
    rooted.root = root.has_parent_path() ? root.parent_path().string() : ".";
    path = root.filename().string();
  }
  Opened opened;
  opened.files = open_root(rooted);
  if (path.empty()) path = config.train_list.empty() ? yaml_in(*opened.files) : config.train_list;
  opened.folder = path.find('/') == std::string::npos ? "" : path.substr(0, path.rfind('/'));
  opened.name = shown_path(*opened.files, path);
  opened.yaml = parse_yolo_yaml(opened.files->read(path, kMaxYamlBytes), opened.name);
  if (!config.classes.empty()) opened.yaml.names = config.classes;
  opened.yaml.names = checked_classes(std::move(opened.yaml.names), opened.name);
  if (opened.yaml.train.empty()) fail<DataError>("[yolo] {}: has no train", opened.name);
  return opened;
}

/// `a/./b/../c` as `a/c`; what leads out of the root is cut off.
std::string cleaned(const std::string& path) {
  std::string clean;
  for (const fs::path& name : fs::path(path).lexically_normal()) {
    if (name != ".." && name != "." && !name.empty() && name != "/") {
      clean = joined(clean, name.string());
    }
  }
  return clean;
}

/// Where an entry of the YAML file lies below the root: exporters write paths of another machine
/// and of other folders, so several places are tried.
std::string found_below(const Opened& opened, const std::string& entry, const char* key) {
  const std::string direct = cleaned(entry);
  std::vector<std::string> places;
  if (!opened.yaml.path.empty()) {
    places.push_back(joined(opened.folder, cleaned(joined(opened.yaml.path, entry))));
  }
  places.push_back(joined(opened.folder, direct));
  places.push_back(direct);
  for (const std::string& place : places) {
    if (opened.files->has_folder(place) || opened.files->has_file(place)) return place;
  }
  fail<DataError>("[yolo] {}: {} is {}, but there is no {} below {}", opened.name, key,
                  quoted(entry), shown(direct), shown_path(*opened.files));
}

std::vector<std::string> images_at(const Opened& opened, const std::string& place) {
  std::vector<std::string> paths;
  if (opened.files->has_folder(place)) {
    for (std::string& path : opened.files->files(place)) {
      if (has_image_ending(path)) paths.push_back(std::move(path));
    }
  } else {
    const std::string folder =
        place.find('/') == std::string::npos ? "" : place.substr(0, place.rfind('/'));
    for (const std::string& line : lines_of(read_listed(*opened.files, place))) {
      const std::string beside = joined(folder, cleaned(line));
      paths.push_back(opened.files->has_file(beside) ? beside : cleaned(line));
      if (opened.files->has_file(paths.back())) continue;
      fail<DataError>("[yolo] {}: there is no image {}", shown(place), shown(line));
    }
  }
  return paths;
}

/// The last folder `images` becomes `labels`, the ending `.txt`.
std::string label_path(const std::string& image) {
  std::string path = '/' + image.substr(0, image.rfind('.')) + ".txt";
  if (const std::size_t at = path.rfind("/images/"); at != std::string::npos) {
    path.replace(at, 8, "/labels/");
  }
  return path.substr(1);
}

std::vector<BoxedImage> images_of_part(const Opened& opened, Split part) {
  const auto& [entries, key] = part == Split::kTrain ? std::pair{opened.yaml.train, "train"}
                               : part == Split::kVal ? std::pair{opened.yaml.val, "val"}
                                                     : std::pair{opened.yaml.test, "test"};
  std::vector<BoxedImage> images;
  for (const std::string& entry : entries) {
    for (std::string& path : images_at(opened, found_below(opened, entry, key))) {
      images.push_back({.path = std::move(path), .boxes = {}, .in_shares = true, .declared = {}});
    }
  }
  if (images.empty()) {
    fail<DataError>("[yolo] {}: {} holds no image", opened.name,
                    shown(fmt::format("{}", fmt::join(entries, ", "))));
  }
  return images;
}

}  // namespace

std::vector<Box> parse_yolo_labels(std::span<const std::uint8_t> bytes, std::string_view name,
                                   std::int64_t num_classes, BoxWarnings& warnings) {
  std::vector<Box> boxes;
  std::set<std::vector<double>> seen;
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view row = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (row.ends_with('\r')) row.remove_suffix(1);
    const std::string place = fmt::format("[yolo] {}:{}", name, line);
    const std::vector<double> numbers = numbers_in(row, place);
    if (numbers.empty()) continue;
    if (numbers.size() != 5 && (numbers.size() < 7 || numbers.size() % 2 == 0)) {
      fail<DataError>(
          "{}: {} numbers; class, x, y, width, height, or class and three corners or "
          "more",
          place, numbers.size());
    }
    for (const double value : std::span(numbers).subspan(1)) {
      if (value >= -kSpare && value <= 1.0 + kSpare) continue;
      fail<DataError>("{}: {} is not in 0 to 1; shares of the image's sides are meant", place,
                      value);
    }
    if (!(numbers[0] >= 0.0 && numbers[0] < static_cast<double>(num_classes)) ||
        numbers[0] != std::floor(numbers[0])) {
      fail<DataError>("{}: class {} is none of 0 to {}", place, numbers[0], num_classes - 1);
    }
    if (!seen.insert(numbers).second) {
      warnings.add(fmt::format("{}: the same box once more; left out", place));
      continue;
    }
    auto box = checked_box(corners_of(std::span(numbers).subspan(1)), {1, 1}, place, warnings);
    if (!box) continue;
    box->label = static_cast<std::int32_t>(numbers[0]);
    box->area = 0.0f;  // known when the size of the image is
    boxes.push_back(*box);
  }
  return boxes;
}

std::unique_ptr<Dataset> open_yolo(const DataConfig& config, Split split) {
  Opened opened = open(config);
  DatasetInfo info = dataset_info(config);
  info.class_names = opened.yaml.names;
  const Split part = stored_part(config, split, opened.parts(), opened.name);
  BoxedImages boxed;
  boxed.images = samples_of_split(images_of_part(opened, part), config, split, part);
  BoxWarnings warnings;
  std::size_t labelled = 0;
  for (BoxedImage& image : boxed.images) {
    const std::string path = label_path(image.path);
    if (!opened.files->has_file(path)) continue;
    ++labelled;
    image.boxes = parse_yolo_labels(opened.files->read(path, kMaxTextBytes),
                                    shown_path(*opened.files, path), info.num_classes(), warnings);
  }
  const std::string& first = boxed.images.front().path;
  if (labelled == 0) {
    fail<DataError>("[yolo] {}: none of its {} images has labels; those of {} would be in {}",
                    opened.name, boxed.images.size(), shown(first), shown(label_path(first)));
  }
  boxed.warnings = warnings.take();
  if (labelled < boxed.images.size()) {
    boxed.warnings.push_back(
        fmt::format("[yolo] {}: {} of {} images have no file of labels; they "
                    "count as images without boxes",
                    opened.name, boxed.images.size() - labelled, boxed.images.size()));
  }
  return make_box_dataset(std::move(info), std::move(opened.files), std::move(boxed), config);
}

std::vector<std::string> yolo_classes(const DataConfig& config) {
  return config.classes.empty() ? open(config).yaml.names : config.classes;
}

bool yolo_validates_on_test(const DataConfig& config) {
  return parts_coincide(config, open(config).parts());
}

AnnotationFiles yolo_annotations(const DataConfig& config) {
  Opened opened = open(config);
  std::set<std::string> paths;
  for (const Split part : {Split::kTrain, Split::kVal, Split::kTest}) {
    if (part == Split::kVal && opened.yaml.val.empty()) continue;
    if (part == Split::kTest && opened.yaml.test.empty()) continue;
    for (const BoxedImage& image : images_of_part(opened, part)) {
      std::string path = label_path(image.path);
      if (opened.files->has_file(path)) paths.insert(std::move(path));
    }
  }
  return {std::move(opened.files), {paths.begin(), paths.end()}};
}

}  // namespace tessera
