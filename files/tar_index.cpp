#include "files/tar_index.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/text.h"
#include "files/file_source.h"

namespace tessera {
namespace {

constexpr std::uint64_t kBlock = 512;
constexpr std::uint64_t kLongestExtra = std::uint64_t{1} << 20;  // of long names and pax records

using Header = std::array<std::uint8_t, kBlock>;

// Fields of a header: offset, length.
struct Field {
  std::size_t at;
  std::size_t length;
};
constexpr Field kName{0, 100}, kSize{124, 12}, kChecksum{148, 8}, kLinkName{157, 100},
    kMagic{257, 6}, kPrefix{345, 155};
constexpr std::size_t kType = 156;

std::string text_of(const Header& header, const Field& field) {
  const auto* begin = reinterpret_cast<const char*>(header.data() + field.at);
  return {begin, std::find(begin, begin + field.length, '\0')};
}

/// Octal digits among blanks or, marked by the highest bit, a big-endian number (GNU).
std::optional<std::uint64_t> number_of(const Header& header, const Field& field) {
  const std::span<const std::uint8_t> bytes(header.data() + field.at, field.length);
  std::uint64_t value = 0;
  if (bytes[0] == 0x80) {
    for (const std::uint8_t byte : bytes.subspan(1)) {
      if (value >> 56 != 0) return std::nullopt;
      value = value << 8 | byte;
    }
    return value;
  }
  std::size_t i = 0;
  while (i < bytes.size() && bytes[i] == ' ') ++i;
  for (; i < bytes.size() && bytes[i] != ' ' && bytes[i] != 0; ++i) {
    if (bytes[i] < '0' || bytes[i] > '7') return std::nullopt;
    value = value << 3 | static_cast<std::uint64_t>(bytes[i] - '0');
  }
  return value;
}

/// The sum of all bytes with the field of the sum as blanks; some old programs took signed ones.
bool checksum_fits(const Header& header) {
  std::int64_t plain = 0, with_signs = 0;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const bool is_sum = i >= kChecksum.at && i < kChecksum.at + kChecksum.length;
    const std::uint8_t byte = is_sum ? std::uint8_t{' '} : header[i];
    plain += byte;
    with_signs += static_cast<std::int8_t>(byte);
  }
  const auto stored = number_of(header, kChecksum);
  return stored && (static_cast<std::int64_t>(*stored) == plain ||
                    static_cast<std::int64_t>(*stored) == with_signs);
}

/// What the first bytes of a compressed file say; empty if they say nothing.
std::string_view compression_of(const Header& header) {
  const auto starts = [&](std::string_view magic) {
    return std::memcmp(header.data(), magic.data(), magic.size()) == 0;
  };
  if (starts("\x1f\x8b")) return "gzip";
  if (starts("BZh")) return "bzip2";
  if (starts("\xfd"
             "7zXZ"))
    return "xz";
  if (starts("\x28\xb5\x2f\xfd")) return "zstd";
  return "";
}

/// What pax records and GNU long names say of the next entry.
struct Extra {
  std::optional<std::string> path;
  std::optional<std::string> link;
  std::optional<std::uint64_t> size;
};

class Reader {
 public:
  Reader(const ReadAt& read_at, std::uint64_t size, const std::string& name)
      : read_at_(read_at), size_(size), name_(name) {}

  TarIndex read() {
    while (next()) {
    }
    resolve_links();
    return std::move(index_);
  }

 private:
  struct Link {
    std::string path;
    std::string target;
    std::uint64_t at;
  };

  template <typename... Args>
  [[noreturn]] void damaged(fmt::format_string<Args...> format, Args&&... args) const {
    fail<DataError>("[tar] {}: {}, at byte {}", name_,
                    fmt::format(format, std::forward<Args>(args)...), at_);
  }

  /// One header with its data; false at the end marker.
  bool next() {
    if (size_ - at_ < kBlock) damaged("truncated: ends without the mark of its end");
    Header header{};
    read_at_(at_, header);
    if (std::all_of(header.begin(), header.end(), [](std::uint8_t byte) { return byte == 0; })) {
      return false;
    }
    check(header);
    const char type = static_cast<char>(header[kType]);
    const bool has_data = type < '1' || type > '6';
    std::uint64_t size = has_data ? extra_.size.value_or(size_in(header)) : 0;
    if (type == 'L' || type == 'K' || type == 'x' || type == 'g') size = size_in(header);
    const std::uint64_t data = at_ + kBlock;
    if (size > size_ - data) {
      damaged("truncated: {} has {} bytes, {} are left", quoted(path_of(header)), size,
              size_ - data);
    }
    take(header, type, {data, size});
    const std::uint64_t padded = (size + kBlock - 1) / kBlock * kBlock;
    at_ = data + std::min(padded, size_ - data);
    return true;
  }

  void check(const Header& header) const {
    if (checksum_fits(header)) return;
    if (const std::string_view kind = compression_of(header); at_ == 0 && !kind.empty()) {
      fail<DataError>(
          "[tar] {}: is compressed by {}; files are read in place, so unpack it to a "
          "plain .tar",
          name_, kind);
    }
    damaged("{}wrong checksum of a header", at_ == 0 ? "is no tar archive: " : "");
  }

  std::uint64_t size_in(const Header& header) const {
    const auto size = number_of(header, kSize);
    if (!size) damaged("{} has no size that is a number", quoted(path_of(header)));
    return *size;
  }

  std::string path_of(const Header& header) const {
    if (extra_.path) return *extra_.path;
    const std::string name = text_of(header, kName);
    const bool is_posix = std::memcmp(header.data() + kMagic.at, "ustar\0", 6) == 0;
    const std::string prefix = is_posix ? text_of(header, kPrefix) : "";
    return prefix.empty() ? name : prefix + '/' + name;
  }

  void take(const Header& header, char type, const TarFile& file) {
    switch (type) {
      case 'L':
        extra_.path = extra_text(file);
        return;
      case 'K':
        extra_.link = extra_text(file);
        return;
      case 'x':
        read_pax(file);
        return;
      case 'g':
        return;  // says nothing of a single file that matters here
      case 'S':
      case 'M':
        damaged("{} is {}, which cannot be read in place", quoted(path_of(header)),
                type == 'S' ? "sparse" : "the rest of a file of another volume");
      default:
        take_entry(header, type, file);
        extra_ = {};
    }
  }

  void take_entry(const Header& header, char type, const TarFile& file) {
    const std::string stored = path_of(header);
    const std::string path = clean(stored);
    if (path.empty()) return;  // the root itself
    const bool is_folder = type == '5' || (type != '1' && type != '2' && stored.back() == '/');
    add_folders(is_folder ? path + '/' : path);
    if (is_folder) return;
    if (type == '1' || type == '2') {
      const std::string target = extra_.link.value_or(text_of(header, kLinkName));
      const std::size_t slash = path.rfind('/');
      const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
      links_.push_back({path, type == '1' ? clean(target) : clean(folder + target), at_});
    } else if (type == '0' || type == '\0' || type == '7') {
      index_.files[path] = file;
    }
  }

  std::string clean(const std::string& path) const {
    std::optional<std::string> cleaned = clean_path(path);
    if (!cleaned) damaged("the path {} leads out of the archive", quoted(path));
    return *std::move(cleaned);
  }

  void add_folders(const std::string& path) {
    for (std::size_t at = path.rfind('/'); at != std::string::npos && at > 0;
         at = path.rfind('/', at - 1)) {
      if (!index_.folders.insert(path.substr(0, at)).second) return;
    }
  }

  std::string extra_data(const TarFile& file) const {
    if (file.size > kLongestExtra) damaged("{} bytes of names are too many", file.size);
    std::string bytes(file.size, '\0');
    read_at_(file.offset, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    return bytes;
  }

  std::string extra_text(const TarFile& file) const {
    const std::string bytes = extra_data(file);
    return bytes.substr(0, bytes.find('\0'));
  }

  /// Records `LENGTH KEY=VALUE\n`, LENGTH counting all of it.
  void read_pax(const TarFile& file) {
    const std::string bytes = extra_data(file);
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const std::size_t blank = rest.find(' ');
      const auto length = decimal(rest.substr(0, std::min(blank, rest.size())));
      const std::size_t equals = rest.find('=');
      if (!length || *length > rest.size() || equals >= *length || blank > equals ||
          rest[*length - 1] != '\n') {
        damaged("damaged pax record");
      }
      const std::string_view key = rest.substr(blank + 1, equals - blank - 1);
      const std::string_view value = rest.substr(equals + 1, *length - equals - 2);
      if (key == "path") extra_.path = value;
      if (key == "linkpath") extra_.link = value;
      if (key == "size" && !(extra_.size = decimal(value))) damaged("damaged pax size");
      if (key.starts_with("GNU.sparse")) damaged("holds a sparse file, which cannot be read");
      rest.remove_prefix(*length);
    }
  }

  static std::optional<std::uint64_t> decimal(std::string_view digits) {
    std::uint64_t value = 0;
    if (digits.empty() || digits.size() > 18) return std::nullopt;
    for (const char c : digits) {
      if (c < '0' || c > '9') return std::nullopt;
      value = 10 * value + static_cast<std::uint64_t>(c - '0');
    }
    return value;
  }

  /// A link may come before what it points to, or point to another link.
  void resolve_links() {
    for (bool found = true; found && !links_.empty();) {
      const std::size_t before = links_.size();
      std::erase_if(links_, [&](const Link& link) {
        const auto target = index_.files.find(link.target);
        if (target == index_.files.end()) return false;
        index_.files[link.path] = target->second;
        return true;
      });
      found = links_.size() < before;
    }
    if (links_.empty()) return;
    at_ = links_.front().at;
    damaged("{} is a link to {}, which is no file of the archive", quoted(links_.front().path),
            quoted(links_.front().target));
  }

  const ReadAt& read_at_;
  std::uint64_t size_;
  const std::string& name_;
  std::uint64_t at_ = 0;
  Extra extra_;
  std::vector<Link> links_;
  TarIndex index_;
};

}  // namespace

TarIndex read_tar_index(const ReadAt& read_at, std::uint64_t size, const std::string& name) {
  return Reader(read_at, size, name).read();
}

}  // namespace tessera
