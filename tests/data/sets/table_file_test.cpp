#include "data/sets/table_file.h"

#include <doctest/doctest.h>

#include "data/sets/image_list.h"
#include "tests/data/files.h"

namespace tessera {
namespace {

using namespace testing;
using Cells = std::vector<std::string>;

std::vector<TableRow> parse(const std::string& text) {
  return parse_table({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, "t.csv");
}

std::vector<ImageFile> list_of(const std::string& text, const std::string& prefix = "") {
  return parse_image_list({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
                          "l.csv", prefix);
}

TEST_CASE("table: quotes, line ends, empty lines, a mark of byte order") {
  const auto rows = parse(
      "\xef\xbb\xbf"
      "a,b\r\n\n\"x, \"\"y\"\"\nz\",\r\nlast,\"\"\n,");
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].cells == Cells{"a", "b"});
  CHECK(rows[1].cells == Cells{"x, \"y\"\nz", ""});
  CHECK(rows[1].line == 3);
  CHECK(rows[2].cells == Cells{"last", ""});
  CHECK(rows[2].line == 5);
  CHECK(rows[3].cells == Cells{"", ""});
  CHECK(parse("").empty());
  CHECK(parse("\n\r\n\"\"\n").empty());
}

TEST_CASE("table: between tabs nothing is quoted") {
  const auto rows = parse("a\t\"b\", c\nd\te");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].cells == Cells{"a", "\"b\", c"});
  CHECK(rows[1].cells == Cells{"d", "e"});
}

TEST_CASE("table: what is broken is named by its line") {
  const auto error = [](const std::string& text) {
    return message_of<DataError>([&] { parse(text); });
  };
  CHECK(error("a,b\n\"c,d\ne,f") == "[table] t.csv:2: a quote is not closed");
  CHECK(error("a,b\n\"c\"d,e") == "[table] t.csv:2: text after a closing quote");
  CHECK(contains(error("a\nb \"c\"\n"), "t.csv:2: a quote within a cell"));
  CHECK(contains(error(std::string("a,b\nc\0d", 7)), "t.csv:2: a byte is zero"));
  CHECK(contains(error(std::string("\"a\0\"", 4)), "t.csv:1: a byte is zero"));
}

TEST_CASE("image list: columns by name or by place") {
  const auto named = list_of("Label,width,FileName\nrose,3,a/b.jpg\ntulip,4,c.png\n");
  REQUIRE(named.size() == 2);
  CHECK(named[0].path == "a/b.jpg");
  CHECK(named[0].label == "rose");
  CHECK(named[1].path == "c.png");
  const auto placed = list_of("v.JPEG\tn01\t0\t0\t62\t62\n", "val/images/");
  REQUIRE(placed.size() == 1);
  CHECK(placed[0].path == "val/images/v.JPEG");
  CHECK(placed[0].label == "n01");
}

TEST_CASE("image list: what is missing is named by its line") {
  const auto error = [](const std::string& text) {
    return message_of<DataError>([&] { list_of(text); });
  };
  CHECK(error("") == "[list] l.csv: is empty");
  CHECK(error("path,label\n") == "[list] l.csv: holds no rows below its header");
  CHECK(contains(error("path,colour\na,b\n"), "l.csv:1: no column is called label or class"));
  CHECK(contains(error("name,label\na,b\n"), "l.csv:1: no column is called file, filename"));
  CHECK(contains(error("a.png,rose\nb.png\n"), "l.csv:2: only one of the columns"));
  CHECK(contains(error("x,path,label\na,b.png\n"), "l.csv:2: not both of the columns"));
  CHECK(contains(error("a.png;rose\n"), "l.csv:1: only one of the columns"));
  CHECK(error("a.png,\n") == "[list] l.csv:1: the class is empty");
  CHECK(error("a.png,x\n,rose\n") == "[list] l.csv:2: the path is empty");
}

}  // namespace
}  // namespace tessera
