#include "formats/safetensors_header.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "core/text.h"

namespace tessera {
namespace {

constexpr std::size_t kMostNumbers = 32;  // of a shape; a Tensor has fewer
constexpr std::string_view kMetadata = "__metadata__";

/// Takes the header event by event, so that duplicate keys are seen and nesting costs no stack:
/// depth 1 holds tensor names, depth 2 their fields, a list is a field's value.
class HeaderHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  SafetensorsHeader header;
  std::string error;

  bool key(string_t& text) override {
    if (depth_ == 1) {
      name_ = text;
      return names_.insert(name_).second || reject("duplicate name {}", quoted(name_));
    }
    field_ = text;
    return fields_.insert(field_).second ||
           reject("{}: duplicate key {}", quoted(name_), quoted(field_));
  }

  bool start_object(std::size_t) override {
    if (depth_ == 2) return reject("{}: nested too deeply", quoted(name_));
    ++depth_;
    fields_.clear();
    entry_ = {};
    offsets_.clear();
    return true;
  }

  bool end_object() override {
    --depth_;
    return depth_ == 0 || name_ == kMetadata || finish_entry();
  }

  bool string(string_t& text) override {
    if (depth_ == 2 && name_ == kMetadata) {
      header.metadata.emplace(field_, text);
      return true;
    }
    if (depth_ != 2 || field_ != "dtype") return unexpected("a string");
    const auto type = stored_type(text);
    if (!type) return reject("{}: unknown dtype {}", quoted(name_), quoted(text));
    entry_.type = *type;
    return true;
  }

  bool start_array(std::size_t) override {
    if (depth_ == 2 && list_ == nullptr && name_ != kMetadata) {
      if (field_ == "shape") list_ = &entry_.shape;
      if (field_ == "data_offsets") list_ = &offsets_;
      if (list_ != nullptr) return true;
    }
    return unexpected("a list");
  }

  bool end_array() override {
    list_ = nullptr;
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (list_ == nullptr) return unexpected("a number");
    if (!std::in_range<std::int64_t>(value)) {
      return reject("{}: {} {} is too large", quoted(name_), field_, value);
    }
    if (list_->size() == kMostNumbers) {
      return reject("{}: more than {} numbers at key {}", quoted(name_), kMostNumbers, field_);
    }
    list_->push_back(static_cast<std::int64_t>(value));
    return true;
  }

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return unexpected("a fraction"); }
  bool binary(binary_t&) override { return unexpected("binary"); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    return reject("header is not UTF-8 JSON at byte {}", position);
  }

 private:
  template <typename... Args>
  bool reject(fmt::format_string<Args...> format, Args&&... args) {
    error = fmt::format(format, std::forward<Args>(args)...);
    return false;
  }

  bool unexpected(std::string_view what) {
    if (depth_ == 0) return reject("header is {}, expected an object", what);
    if (depth_ == 1) return reject("{} is {}, expected an object", quoted(name_), what);
    return reject("{}: {} is not expected at key {}", quoted(name_), what, quoted(field_));
  }

  bool finish_entry() {
    static const std::set<std::string> kFields{"dtype", "shape", "data_offsets"};
    if (fields_ != kFields) {
      return reject("tensor {} has keys [{}], expected dtype, shape, data_offsets", quoted(name_),
                    shown(fmt::format("{}", fmt::join(fields_, ", "))));
    }
    if (offsets_.size() != 2) {
      return reject("tensor {}: data_offsets has {} numbers, expected 2", quoted(name_),
                    offsets_.size());
    }
    entry_.name = name_;
    entry_.begin = offsets_[0];
    entry_.end = offsets_[1];
    header.entries.push_back(std::move(entry_));
    return true;
  }

  int depth_ = 0;
  std::string name_;
  std::string field_;
  std::set<std::string> names_;
  std::set<std::string> fields_;
  SafetensorsEntry entry_;
  std::vector<std::int64_t> offsets_;
  std::vector<std::int64_t>* list_ = nullptr;
};

void check_length(const SafetensorsEntry& entry, std::string_view file) {
  std::int64_t bytes = static_cast<std::int64_t>(size_of(entry.type));
  bool overflow = false;
  // Elements are counted first: a zero makes any other dimension harmless only if it comes before.
  std::int64_t count = 1;
  for (const std::int64_t dim : entry.shape) {
    overflow = overflow || __builtin_mul_overflow(count, dim, &count);
  }
  overflow = overflow || __builtin_mul_overflow(bytes, count, &bytes);
  if (overflow) {
    fail<CheckpointError>("[safetensors] {}: tensor {}: the size of {} [{}] overflows", file,
                          quoted(entry.name), name_of(entry.type), fmt::join(entry.shape, ", "));
  }
  if (entry.end < entry.begin || entry.end - entry.begin != bytes) {
    fail<CheckpointError>(
        "[safetensors] {}: tensor {}: {} [{}] takes {} bytes, data_offsets are [{}, {}]", file,
        quoted(entry.name), name_of(entry.type), fmt::join(entry.shape, ", "), bytes, entry.begin,
        entry.end);
  }
}

void check_layout(const std::vector<SafetensorsEntry>& entries, std::int64_t data_bytes,
                  std::string_view file) {
  std::int64_t covered = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.end > data_bytes) {
      fail<CheckpointError>(
          "[safetensors] {}: tensor {} ends at byte {} of the data, the file has {}: truncated?",
          file, quoted(entry.name), entry.end, data_bytes);
    }
    if (entry.begin != covered) {
      fail<CheckpointError>(
          "[safetensors] {}: tensor {} begins at byte {} of the data and {} {}", file,
          quoted(entry.name), entry.begin,
          entry.begin < covered ? "overlaps what reaches to" : "leaves a hole from", covered);
    }
    covered = entry.end;
  }
  if (covered != data_bytes) {
    fail<CheckpointError>("[safetensors] {}: {} trailing bytes after the last tensor", file,
                          data_bytes - covered);
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, std::int64_t data_bytes,
                                           std::string_view file) {
  if (json.empty() || json.front() != '{') {
    fail<CheckpointError>("[safetensors] {}: the header does not begin with '{{'", file);
  }
  // The JSON parser takes a zero byte for the end of its input.
  if (const std::size_t zero = json.find('\0'); zero != std::string_view::npos) {
    fail<CheckpointError>("[safetensors] {}: header is not UTF-8 JSON at byte {}", file, zero + 1);
  }
  HeaderHandler handler;
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &handler)) {
    fail<CheckpointError>("[safetensors] {}: {}", file, handler.error);
  }
  SafetensorsHeader header = std::move(handler.header);
  for (const SafetensorsEntry& entry : header.entries) check_length(entry, file);
  std::stable_sort(header.entries.begin(), header.entries.end(), [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  check_layout(header.entries, data_bytes, file);
  return header;
}

}  // namespace tessera
