#include "core/utf8.h"

#include <doctest/doctest.h>

namespace tessera {
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
