#include "data/sets/table_file.h"

#include <doctest/doctest.h>

#include "data/sets/image_list.h"
#include "tests/data/files.h"

namespace tessera {
namespace {

using namespace testing;
using Cells = std::vector<std::string>;

std::vector<TableRow> read_table(const std::string& text) {
  return parse_table({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, "t.csv");
}

std::vector<ImageFile> list_of(const std::string& text, const std::string& prefix = "") {
  return parse_image_list({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
                          "l.csv", prefix);
}

TEST_CASE("table: quotes, line ends, empty lines, a mark of byte order") {
  const auto rows = read_table(
      "\xef\xbb\xbf"
      "a,b\r\n\n\"x, \"\"y\"\"\nz\",\r\nlast,\"\"\n,");
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].cells == Cells{"a", "b"});
  CHECK(rows[1].cells == Cells{"x, \"y\"\nz", ""});
  CHECK(rows[1].line == 3);
  CHECK(rows[2].cells == Cells{"last", ""});
  CHECK(rows[2].line == 5);
  CHECK(rows[3].cells == Cells{"", ""});
  CHECK(read_table("").empty());
  CHECK(read_table("\n\r\n\"\"\n").empty());
}

TEST_CASE("table: between tabs nothing is quoted") {
  const auto rows = read_table("a\t\"b\", c\nd\te");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].cells == Cells{"a", "\"b\", c"});
  CHECK(rows[1].cells == Cells{"d", "e"});
}

TEST_CASE("table: semicolons, blanks around cells, line ends of any system") {
  const auto rows = read_table("a ; \"b;c\" ;d,e\r f\t;g\n");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].cells == Cells{"a", "b;c", "d,e"});
  CHECK(rows[1].cells == Cells{"f", "g"});
  CHECK(read_table("a,b;c,d\n").front().cells == Cells{"a", "b;c", "d"});
  CHECK(read_table(" a\t b \n").front().cells == Cells{"a", "b"});
}

TEST_CASE("table: what is broken is named by its line and column") {
  const auto error = [](const std::string& text) {
    return message_of<DataError>([&] { read_table(text); });
  };
  CHECK(error("a,b\n\"c,d\ne,f") == "[table] t.csv:2:1: a quote is not closed");
  CHECK(error("a,b\n\"c\"d,e") == "[table] t.csv:2:4: text after a closing quote");
  CHECK(contains(error("a\nb \"c\"\n"), "t.csv:2:3: a quote within a cell"));
  CHECK(contains(error(std::string("a,b\nc\0d", 7)), "t.csv:2:2: a byte is zero"));
  CHECK(contains(error(std::string("\"a\0\"", 4)), "t.csv:1:3: a byte is zero"));
  CHECK(error("\xff\xfe"
              "a") == "[table] t.csv: is UTF-16; save it as UTF-8");
  CHECK(contains(error("PK\3\4..."), "t.csv: is a workbook or an archive"));
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

TEST_CASE("image list: columns by the names that people give them") {
  for (const std::string path : {"filepath", "File Path", "file", "image", "IMG", "path",
                                 "filename", "image_name", "filepaths", "Image-Path"}) {
    for (const std::string label :
         {"target", "Label", "class", "class_name", "Breed", "species", "category", "labels"}) {
      CAPTURE(path);
      CAPTURE(label);
      const auto files = list_of(label + " ; width; " + path + "\nrose;3; a.png \n");
      REQUIRE(files.size() == 1);
      CHECK(files[0].path == "a.png");
      CHECK(files[0].label == "rose");
    }
  }
  const auto both = list_of("class_id,class_name,filename\n7,rose,a.png\n");
  CHECK(both[0].label == "rose");
  CHECK(list_of("path,label,split\na.png,x,train\n").size() == 1);
  CHECK(list_of("path.png,label\n").front().label == "label");  // an image: no names of columns
}

TEST_CASE("image list: paths stay below the root") {
  const auto list = [](const std::string& text) {
    return parse_image_list({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
                            "l.csv", "in/", "/data/root");
  };
  CHECK(list("./a//b.png,x\n").front().path == "in/a/b.png");
  CHECK(list("c/../a.png,x\n").front().path == "in/a.png");
  CHECK(list("/data/root/a.png,x\n").front().path == "in/a.png");
  for (const std::string path :
       {"../../a.png", "/etc/a.png", "/data/root/../../../../a.png", "a/../../../b.png"}) {
    CAPTURE(path);
    CHECK(contains(message_of<DataError>([&] { list("ok.png,x\n" + path + ",x\n"); }),
                   "l.csv:2: the path \"" + path + "\" leads out of data.root"));
  }
}

TEST_CASE("image list: what is missing is named by its line") {
  const auto error = [](const std::string& text) {
    return message_of<DataError>([&] { list_of(text); });
  };
  CHECK(error("") == "[list] l.csv: is empty");
  CHECK(error("path,label\n") == "[list] l.csv: holds no rows below its header");
  CHECK(
      error("path,colour\na,b\n") ==
      "[list] l.csv:1: none of the columns \"path\", \"colour\" is one of classes: call one label");
  CHECK(error("who,label\na,b\n") ==
        "[list] l.csv:1: none of the columns \"who\", \"label\" is one of paths: call one path");
  CHECK(contains(error("id,breed\n1a,pug\n"), "l.csv:1: column \"id\" is no path: name the files"));
  CHECK(contains(error("foo,bar\na.png,x\n"), "l.csv:1: \"foo\", \"bar\": neither the name of an"));
  CHECK(contains(error("rose,a.png\n"), "l.csv:1: the first column, \"rose\", is no image"));
  CHECK(contains(error("a.png,rose\nb.png\n"), "l.csv:2: only one of the columns"));
  CHECK(contains(error("x,path,label\na,b.png\n"), "l.csv:2: not both of the columns"));
  CHECK(contains(error("a.png|rose\n"), "l.csv:1: \"a.png|rose\": neither"));
  CHECK(
      error("path,label,split\na.png,x,train\nb.png,y,train\nc.png,x,test\n") ==
      "[list] l.csv:4: column \"split\" holds \"test\" and \"train\": write a list for each split");
  CHECK(error("a.png,\n") == "[list] l.csv:1: the class is empty");
  CHECK(error("a.png,x\n,rose\n") == "[list] l.csv:2: the path is empty");
}

}  // namespace
}  // namespace tessera
