#include "core/text.h"

#include <doctest/doctest.h>

namespace tessera {
namespace {

TEST_CASE("text: what a terminal shows as it is stays") {
  CHECK(quoted("") == "\"\"");
  CHECK(quoted("rose 1.jpg") == "\"rose 1.jpg\"");
  CHECK(quoted("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\xb9") ==
        "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\xb9\"");
  CHECK(quoted("a\"b\\c") == R"("a\"b\\c")");
  CHECK(shown("a\"b\\c") == "a\"b\\c");
  CHECK(is_printable("caf\xc3\xa9"));
}

TEST_CASE("text: what steers a terminal or is no UTF-8 is written out") {
  CHECK(quoted("a\nb\r\tc") == R"("a\nb\r\tc")");
  CHECK(shown("\x1b]0;owned\x07") == R"(\x1b]0;owned\x07)");
  CHECK(quoted(std::string_view("a\0b", 3)) == R"("a\x00b")");
  CHECK(quoted("\x7f") == R"("\x7f")");
  CHECK(quoted("\xc2\x9b"
               "31m") == R"("\xc2\x9b31m")");                  // C1: as ESC [
  CHECK(quoted("gpj\xe2\x80\xae") == R"("gpj\xe2\x80\xae")");  // right to left from here
  CHECK(quoted("caf\xe9") == R"("caf\xe9")");                  // Latin-1
  CHECK(quoted("\xc3") == R"("\xc3")");                        // cut off
  CHECK(quoted("\xc0\xaf") == R"("\xc0\xaf")");                // overlong
  CHECK(quoted("\xe0\x80\xaf") == R"("\xe0\x80\xaf")");
  CHECK(quoted("\xed\xa0\x80") == R"("\xed\xa0\x80")");          // surrogate
  CHECK(quoted("\xf4\x90\x80\x80") == R"("\xf4\x90\x80\x80")");  // beyond U+10FFFF
  CHECK_FALSE(is_printable("a\xff"));
  CHECK_FALSE(is_printable("a\n"));
}

TEST_CASE("text: of a whole message lines stay, and nothing steers a terminal") {
  CHECK(printable("a\n\tb\n") == "a\n\tb\n");
  CHECK(printable("x\x1b[31m\r\a\xe9\n") == "x\\x1b[31m\\r\\x07\\xe9\n");
  CHECK(printable("") == "");
  CHECK(printable(std::string(70000, 'k')).size() == 70000);
}

TEST_CASE("text: a long name is cut in the middle, between characters") {
  CHECK(quoted(std::string(300, 'a')).size() == 302);
  const std::string name = "head" + std::string(70'000, 'x') + "tail";
  const std::string text = quoted(name);
  CHECK(text.size() < 320);
  CHECK(text.starts_with("\"headxxx"));
  CHECK(text.find("...") != std::string::npos);
  CHECK(text.ends_with("tail\" (70008 bytes)"));
  std::string euros;
  for (int i = 0; i < 500; ++i) euros += "\xe2\x82\xac";
  CHECK(is_printable(shown(euros)));
  CHECK(shown(euros).find('\\') == std::string::npos);
  CHECK(shown(std::string(1 << 20, '\x1b')).size() < 1200);
}

}  // namespace

namespace {

TEST_CASE("utf8: what is well formed, and what is not") {
  for (const char* text : {"", "plain", "caf\u00e9", "\u20ac \u4e2d\u6587", "\U0001f600", "\u007f",
                           "\u0080\u07ff\u0800\uffff\U00010000\U0010ffff"}) {
    CAPTURE(text);
    CHECK(is_utf8(text));
    CHECK(to_utf8(text) == text);
  }
  // A stray byte, the first of two alone, long forms, a surrogate, above the last character.
  for (const char* text : {"\xe9", "\x80", "a\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf",
                           "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    CHECK(!is_utf8(text));
    CHECK(is_utf8(to_utf8(text)));
  }
  CHECK(to_utf8("d\xe9j\xc3\xa0\xff") == "d\\xe9j\u00e0\\xff");
}

}  // namespace

}  // namespace tessera
