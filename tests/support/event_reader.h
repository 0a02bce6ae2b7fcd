// A reader of TensorBoard's event files that shares nothing with the writer: it checks every
// checksum bit by bit.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <protozero/pbf_reader.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/scratch_folder.h"

namespace tessera::test {

inline std::uint32_t slow_masked_crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xffffffffu;
  for (const char c : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      const std::uint32_t in = (static_cast<unsigned char>(c) >> bit & 1u) ^ (crc & 1u);
      crc = (crc >> 1) ^ (in != 0 ? 0x82f63b78u : 0u);
    }
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

/// One value of one event.
struct EventValue {
  std::int64_t step = 0;
  float scalar = 0.0f;
  std::string png;         ///< of an image
  std::int64_t width = 0;  ///< of an image
  std::int64_t height = 0;
  std::vector<double> limits, counts;  ///< of a histogram
  double min = 0.0, max = 0.0, count = 0.0, sum = 0.0, sum_squares = 0.0;
  std::string text;
  std::string plugin, content;
};

struct EventLog {
  std::vector<std::string> versions;                      ///< one a file
  std::vector<std::int64_t> starts;                       ///< steps of the sessions that began
  std::map<std::string, std::vector<EventValue>> values;  ///< by tag, in order

  std::vector<std::int64_t> steps(const std::string& tag) const {
    std::vector<std::int64_t> list;
    if (const auto found = values.find(tag); found != values.end()) {
      for (const EventValue& value : found->second) list.push_back(value.step);
    }
    return list;
  }
};

inline EventValue read_value(protozero::pbf_reader reader, std::string& tag) {
  EventValue value;
  while (reader.next()) {
    if (reader.tag() == 1) {
      tag = reader.get_string();
    } else if (reader.tag() == 2) {
      value.scalar = reader.get_float();
    } else if (reader.tag() == 4) {
      for (auto image = reader.get_message(); image.next();) {
        if (image.tag() == 1)
          value.height = image.get_int32();
        else if (image.tag() == 2)
          value.width = image.get_int32();
        else if (image.tag() == 4)
          value.png = image.get_bytes();
        else
          image.skip();
      }
    } else if (reader.tag() == 5) {
      for (auto histogram = reader.get_message(); histogram.next();) {
        if (histogram.tag() == 6 || histogram.tag() == 7) {
          const bool limits = histogram.tag() == 6;
          for (const double number : histogram.get_packed_double()) {
            (limits ? value.limits : value.counts).push_back(number);
          }
          continue;
        }
        double* const fields[] = {&value.min, &value.max, &value.count, &value.sum,
                                  &value.sum_squares};
        const auto field = histogram.tag();  // reading the value forgets it
        REQUIRE(field >= 1);
        REQUIRE(field <= 5);
        *fields[field - 1] = histogram.get_double();
      }
    } else if (reader.tag() == 8) {
      for (auto tensor = reader.get_message(); tensor.next();) {
        if (tensor.tag() == 8)
          value.text = tensor.get_bytes();
        else
          tensor.skip();
      }
    } else if (reader.tag() == 9) {
      for (auto metadata = reader.get_message(); metadata.next();) {
        for (auto plugin = metadata.get_message(); plugin.next();) {
          const bool name = plugin.tag() == 1;  // reading the value forgets it
          (name ? value.plugin : value.content) = plugin.get_string();
        }
      }
    } else {
      reader.skip();
    }
  }
  return value;
}

/// Appends what an Event message says.
inline void read_event(std::string_view bytes, EventLog& log) {
  std::int64_t step = 0;
  std::vector<EventValue> values;
  std::vector<std::string> tags;
  double time = 0.0;
  for (protozero::pbf_reader event(bytes.data(), bytes.size()); event.next();) {
    if (event.tag() == 1) {
      time = event.get_double();
    } else if (event.tag() == 2) {
      step = event.get_int64();
    } else if (event.tag() == 3) {
      log.versions.push_back(event.get_string());
    } else if (event.tag() == 5) {
      for (auto summary = event.get_message(); summary.next();) {
        values.push_back(read_value(summary.get_message(), tags.emplace_back()));
      }
    } else {
      REQUIRE(event.tag() == 7);
      for (auto session = event.get_message(); session.next();) {
        CHECK(session.get_enum() == 1);
        log.starts.push_back(step);
      }
    }
  }
  CHECK(time > 1.7e9);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i].step = step;
    log.values[tags[i]].push_back(values[i]);
  }
}

/// All files of a folder in the order of their names. A length or checksum that is wrong, or bytes
/// left over, fail the test.
inline EventLog read_events(const std::filesystem::path& folder) {
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    CHECK(entry.path().filename().string().find("tfevents") != std::string::npos);
    files.insert(entry.path());
  }
  EventLog log;
  for (const std::filesystem::path& file : files) {
    const std::string bytes = read_text(file);
    std::size_t at = 0;
    const auto number = [&](auto value) {
      REQUIRE(at + sizeof(value) <= bytes.size());
      std::memcpy(&value, bytes.data() + at, sizeof(value));
      at += sizeof(value);
      return value;
    };
    while (at < bytes.size()) {
      const std::string_view all = bytes;
      const std::size_t begin = at;
      const auto length = number(std::uint64_t{});
      REQUIRE(number(std::uint32_t{}) == slow_masked_crc32c(all.substr(begin, 8)));
      const std::string_view message = all.substr(at, length);
      at += length;
      REQUIRE(number(std::uint32_t{}) == slow_masked_crc32c(message));
      read_event(message, log);
    }
  }
  return log;
}

}  // namespace tessera::test
