// The only place that knows pugixml.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <pugixml.hpp>
#include <sstream>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/sets/box_fixes.h"
#include "data/sets/voc.h"

namespace tessera {
namespace {

constexpr std::size_t kMaxObjects = 100000;
constexpr double kMaxSide = 16384.0;

/// A number between spaces.
double number_of(const pugi::xml_node& node, const char* key, const std::string& place) {
  const pugi::xml_node child = node.child(key);
  if (!child) fail<DataError>("{}: has no {}", place, key);
  std::string_view text = child.child_value();
  constexpr std::string_view kSpace = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  text = text.substr(0, text.find_last_not_of(kSpace) + 1);
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    fail<DataError>("{}: {} is {}, no number", place, key, quoted(text));
  }
  return value;
}

ImageSize size_of(const pugi::xml_node& root, std::string_view name) {
  const pugi::xml_node size = root.child("size");
  if (!size) return {};
  const std::string place = fmt::format("[voc] {}: size", name);
  const double height = number_of(size, "height", place), width = number_of(size, "width", place);
  if (!(height >= 0.0 && width >= 0.0 && height <= kMaxSide && width <= kMaxSide)) {
    fail<DataError>("{} {} x {} is none of an image", place, height, width);
  }
  return {std::llround(height), std::llround(width)};
}

/// Of 1-based corners that belong to the box.
std::optional<Box> box_of(const pugi::xml_node& object, const ImageSize& size,
                          const std::string& place, BoxWarnings& warnings) {
  const pugi::xml_node corners = object.child("bndbox");
  if (!corners) fail<DataError>("{}: has no bndbox", place);
  const double x0 = number_of(corners, "xmin", place), y0 = number_of(corners, "ymin", place);
  const double x1 = number_of(corners, "xmax", place), y1 = number_of(corners, "ymax", place);
  if (x0 == x1 || y0 == y1) {
    warnings.add(
        fmt::format("{}: box {}, {} to {}, {} has no area; left out", place, x0, y0, x1, y1));
    return std::nullopt;
  }
  if (x1 < x0 || y1 < y0) {
    fail<DataError>("{}: box {}, {} to {}, {} has its corners swapped", place, x0, y0, x1, y1);
  }
  return checked_box({x0 - 1.0, y0 - 1.0, x1, y1}, size, place, warnings);
}

std::optional<Box> box_or_none(const pugi::xml_node& object, const ImageSize& size,
                               const std::string& place, BoxWarnings& warnings) {
  try {
    return box_of(object, size, place, warnings);
  } catch (const DataError&) {
    if (!warnings.forgiving()) throw;
    return std::nullopt;
  }
}

/// Whether the object can stay, with corners that can be meant.
bool fix_object(pugi::xml_node object, BoxFixer& fixer, BoxFixes& fixes) {
  constexpr std::array kKeys{"xmin", "ymin", "xmax", "ymax"};
  const pugi::xml_node corners = object.child("bndbox");
  std::array<double, 4> numbers{};
  try {
    for (std::size_t i = 0; i < 4; ++i) numbers[i] = number_of(corners, kKeys[i], "");
  } catch (const DataError&) {
    ++fixes.unreadable;
    return false;
  }
  if (numbers[0] == numbers[2] || numbers[1] == numbers[3]) {
    ++fixes.empty;
    return false;
  }
  if (numbers[0] > numbers[2]) std::swap(numbers[0], numbers[2]), ++fixes.turned;
  if (numbers[1] > numbers[3]) std::swap(numbers[1], numbers[3]), ++fixes.turned;
  const std::array<double, 4> box{numbers[0] - 1.0, numbers[1] - 1.0, numbers[2], numbers[3]};
  const auto fixed = fixer.fixed(box, object.child("name").child_value());
  if (!fixed) return false;
  for (std::size_t i = 0; i < 4; ++i) {
    const double value = (*fixed)[i] + (i < 2 ? 1.0 : 0.0);
    corners.child(kKeys[i]).text().set(fmt::format("{}", value).c_str());
  }
  return true;
}

}  // namespace

VocAnnotation parse_voc(std::span<const std::uint8_t> bytes, std::string_view name,
                        BoxWarnings& warnings) {
  pugi::xml_document document;
  // Entities of a document type are not expanded: it is skipped.
  const pugi::xml_parse_result result = document.load_buffer(bytes.data(), bytes.size());
  if (!result) {
    fail<DataError>("[voc] {}: no XML: {}, at byte {}", name, result.description(), result.offset);
  }
  const pugi::xml_node root = document.child("annotation");
  if (!root) fail<DataError>("[voc] {}: holds no <annotation>", name);
  VocAnnotation annotation{size_of(root, name), {}};
  std::size_t number = 0;
  for (const pugi::xml_node& object : root.children("object")) {
    if (++number > kMaxObjects)
      fail<DataError>("[voc] {}: more than {} objects", name, kMaxObjects);
    const char* const text = object.child("name").child_value();
    const std::string place = fmt::format("[voc] {}: object {}", name, number);
    if (*text == '\0') fail<DataError>("{}: has no name", place);
    const auto box = box_or_none(object, annotation.size, place, warnings);
    if (!box) continue;
    VocObject& found = annotation.objects.emplace_back(VocObject{text, *box});
    found.box.crowd = std::strcmp(object.child("difficult").child_value(), "1") == 0;
  }
  return annotation;
}

std::string fixed_voc(std::span<const std::uint8_t> bytes, std::string_view name, BoxFixes& fixes) {
  pugi::xml_document document;
  const pugi::xml_parse_result result =
      document.load_buffer(bytes.data(), bytes.size(), pugi::parse_full);
  if (!result) {
    fail<DataError>("[voc] {}: no XML: {}, at byte {}", name, result.description(), result.offset);
  }
  pugi::xml_node root = document.child("annotation");
  if (!root) fail<DataError>("[voc] {}: holds no <annotation>", name);
  BoxFixer fixer(size_of(root, name), fixes);
  for (pugi::xml_node object = root.child("object"); object;) {
    const pugi::xml_node next = object.next_sibling("object");
    if (!fix_object(object, fixer, fixes)) root.remove_child(object);
    object = next;
  }
  std::ostringstream text;
  document.save(text, "\t", pugi::format_default | pugi::format_no_declaration);
  return text.str();
}

}  // namespace tessera
