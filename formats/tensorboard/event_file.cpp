#include "formats/tensorboard/event_file.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <optional>
#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "core/posix.h"
#include "core/profile.h"

namespace tessera::tensorboard {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  constexpr std::uint32_t kPolynomial = 0x82f63b78u;  // bits reversed
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = rest >> 1u ^ ((rest & 1u) != 0 ? kPolynomial : 0u);
    table[byte] = rest;
  }
  return table;
}

}  // namespace

std::uint32_t masked_crc32c(std::string_view bytes) {
  constexpr std::array<std::uint32_t, 256> kTable = make_table();
  std::uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc = kTable[(crc ^ static_cast<unsigned char>(c)) & 0xffu] ^ crc >> 8u;
  }
  return std::rotr(~crc, 15) + 0xa282ead8u;
}

namespace {

namespace fs = std::filesystem;
using protozero::pbf_tag_type;
using protozero::pbf_writer;

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie");

// Field numbers of event.proto.
namespace event {
constexpr pbf_tag_type kTime = 1, kStep = 2, kVersion = 3, kSummary = 5, kSession = 7;
}
namespace session {
constexpr pbf_tag_type kStatus = 1;
constexpr std::int32_t kStart = 1;
}  // namespace session

constexpr double kFlushSeconds = 1.0;
constexpr std::size_t kHeader = 12, kFooter = 4;  // bytes: length and checksum, checksum

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// An Event message but for what it is about.
pbf_writer begin_event(std::string& bytes, std::int64_t step) {
  pbf_writer writer(bytes);
  writer.add_double(event::kTime, wall_time());
  if (step != 0) writer.add_int64(event::kStep, step);
  return writer;
}

template <typename T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

template <typename T>
T value_at(std::string_view bytes, std::size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

/// The Event message at `at`, if it is there whole.
std::optional<std::string_view> record_at(std::string_view bytes, std::size_t at) {
  if (bytes.size() - at < kHeader + kFooter) return std::nullopt;
  const auto length = value_at<std::uint64_t>(bytes, at);
  if (value_at<std::uint32_t>(bytes, at + 8) != masked_crc32c(bytes.substr(at, 8)) ||
      length > bytes.size() - at - kHeader - kFooter) {
    return std::nullopt;
  }
  const std::string_view message = bytes.substr(at + kHeader, length);
  if (value_at<std::uint32_t>(bytes, at + kHeader + length) != masked_crc32c(message)) {
    return std::nullopt;
  }
  return message;
}

/// The step of an event with a summary.
std::optional<std::int64_t> summary_step(std::string_view message) {
  std::int64_t step = 0;
  bool has_summary = false;
  try {
    protozero::pbf_reader reader(message.data(), message.size());
    while (reader.next()) {
      if (reader.tag() == event::kStep) {
        step = reader.get_int64();
      } else {
        has_summary |= reader.tag() == event::kSummary;
        reader.skip();
      }
    }
  } catch (const protozero::exception&) {
    return std::nullopt;
  }
  return has_summary ? std::optional(step) : std::nullopt;
}

AppendFile new_file(const fs::path& folder, std::int64_t step) {
  make_folder(folder);
  // TensorBoard reads files whose names hold `tfevents`, in the order of their names.
  return AppendFile(folder / fmt::format("events.out.tfevents.{:.0f}.{:09}", wall_time(), step));
}

/// Cuts one file.
void truncate_file(const fs::path& path, std::int64_t step) {
  const std::string bytes = read_text_file(path);
  std::size_t kept = 0;
  bool any = false;
  for (auto record = record_at(bytes, 0); record; record = record_at(bytes, kept)) {
    const std::optional<std::int64_t> own = summary_step(*record);
    if (own && *own > step) break;
    any |= own.has_value();
    kept += kHeader + record->size() + kFooter;
  }
  if (!any) {
    remove_path(path);
  } else if (kept < bytes.size()) {
    cut_file(path, kept);
  }
}

}  // namespace

EventFile::EventFile(const fs::path& folder, std::int64_t step) : file_(new_file(folder, step)) {
  std::string version;
  begin_event(version, 0).add_string(event::kVersion, "brain.Event:2");
  write(version);
  std::string start;
  {
    pbf_writer writer = begin_event(start, step + 1);
    pbf_writer(writer, event::kSession).add_enum(session::kStatus, session::kStart);
  }
  write(start);
}

void EventFile::append(std::int64_t step, const Summary& summary) {
  std::string bytes;
  begin_event(bytes, step).add_message(event::kSummary, summary.bytes());
  write(bytes);
  if (const double now = seconds_now(); now - flushed_ > kFlushSeconds) {
    file_.flush();  // a full disk is reported by sync
    flushed_ = now;
  }
}

void EventFile::write(std::string_view message) {
  const std::uint64_t length = message.size();
  const std::uint32_t length_crc = masked_crc32c(bytes_of(length));
  const std::uint32_t message_crc = masked_crc32c(message);
  for (const std::string_view part :
       {bytes_of(length), bytes_of(length_crc), message, bytes_of(message_crc)}) {
    file_.append(part);
  }
}

void truncate_events(const fs::path& folder, std::int64_t step) {
  if (!is_there(folder)) return;
  for (const std::string& name : names_in(folder)) {
    if (name.find("tfevents") != std::string::npos) truncate_file(folder / name, step);
  }
}

}  // namespace tessera::tensorboard
