// Tar archives that the tests make for themselves, right and wrong.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>

#include "tests/data/files.h"

namespace tessera::testing {

class TarWriter {
 public:
  /// One header with its data, padded.
  TarWriter& add(const std::string& name, const Bytes& data, char type = '0',
                 const std::string& link = "") {
    Bytes header(512);
    put(header, 0, name.substr(0, 100));
    put(header, 100, "0000644");
    put(header, 124, fmt::format("{:011o}", data.size()));
    header[156] = static_cast<std::uint8_t>(type);
    put(header, 157, link.substr(0, 100));
    put(header, 257, "ustar");
    put(header, 263, "00");
    return add_raw(header, data);
  }

  TarWriter& add(const std::string& name, const std::string& text, char type = '0') {
    return add(name, Bytes(text.begin(), text.end()), type);
  }

  /// A record of pax in front of the next file.
  TarWriter& pax(const std::string& key, const std::string& value) {
    const std::string rest = " " + key + "=" + value + "\n";
    std::size_t length = rest.size() + 1;
    while (std::to_string(length).size() + rest.size() != length) ++length;
    return add("PaxHeaders/x", std::to_string(length) + rest, 'x');
  }

  /// The last header with other bytes from `at` on, its checksum made right again.
  TarWriter& change_header(std::size_t at, const Bytes& bytes, bool sum = true) {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(last_ + at));
    if (sum) seal(last_);
    return *this;
  }

  /// All of it, with the two blocks of the end.
  Bytes bytes() const {
    Bytes all = bytes_;
    all.resize(all.size() + 1024);
    return all;
  }

 private:
  static void put(Bytes& header, std::size_t at, const std::string& text) {
    std::copy(text.begin(), text.end(), header.begin() + static_cast<std::ptrdiff_t>(at));
  }

  TarWriter& add_raw(const Bytes& header, const Bytes& data) {
    last_ = bytes_.size();
    bytes_.insert(bytes_.end(), header.begin(), header.end());
    bytes_.insert(bytes_.end(), data.begin(), data.end());
    bytes_.resize((bytes_.size() + 511) / 512 * 512);
    seal(last_);
    return *this;
  }

  void seal(std::size_t at) {
    std::fill_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at + 148), 8, std::uint8_t{' '});
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i) sum += bytes_[at + i];
    const std::string digits = fmt::format("{:06o}", sum);
    std::memcpy(&bytes_[at + 148], digits.c_str(), 7);
  }

  Bytes bytes_;
  std::size_t last_ = 0;
};

}  // namespace tessera::testing
