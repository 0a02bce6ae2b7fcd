#include "data/sets/skip_list.h"

#include <doctest/doctest.h>

#include "tests/data/files.h"

namespace tessera {
namespace {

using namespace testing;
using Names = std::vector<std::string>;

Names read_skip_list(const std::string& text) {
  return parse_skip_list({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
                         "s.txt");
}

TEST_CASE("skip list: whatever is written is read again") {
  for (const std::string path :
       {"a/b.png", "#1/bad.png", "new\nline.png", " blank.png ", "tab\t", "\"quoted\".png",
        "back\\slash", "caf\xc3\xa9.png", "caf\xe9.png", "\x1b[31m.png", "\r", "a # b"}) {
    CAPTURE(path);
    const std::string line = skip_line(path);
    CHECK(line.find('\n') == std::string::npos);
    CHECK(read_skip_list(line + "\n") == Names{path});
    CHECK(read_skip_list("# first\r\n\r\n  " + line + "  \r\nlast") == Names{path, "last"});
  }
  CHECK(skip_line("a/b c.png") == "a/b c.png");
  CHECK(skip_line("#1/bad.png") == "\"#1/bad.png\"");
  CHECK(skip_line("new\nline.png") == "\"new\\nline.png\"");
}

TEST_CASE("skip list: comments, blanks, a mark of byte order") {
  CHECK(read_skip_list("\xef\xbb\xbf"
                       "a.png\n  # no\n\n b c.png \r\n#x") == Names{"a.png", "b c.png"});
  CHECK(read_skip_list("").empty());
}

TEST_CASE("skip list: what is no text or is not closed is named by line and column") {
  const auto error = [](const std::string& text) {
    return message_of<DataError>([&] { read_skip_list(text); });
  };
  CHECK(error(std::string("a\nb\0c", 5)) == "[data] s.txt:2:2: a byte is zero: this is no text");
  CHECK(contains(error("\"a"), "s.txt:1:3: a path in quotes ends with its quote"));
  CHECK(contains(error("\"a\" b"), "s.txt:1:4: a path in quotes ends"));
  CHECK(contains(error("\"a\\q\""), "s.txt:1:3: after \\ only n, x"));
  CHECK(contains(error("\"\\xg0\""), "s.txt:1:2: \\x wants two digits"));
}

}  // namespace
}  // namespace tessera
