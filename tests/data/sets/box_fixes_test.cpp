#include "data/sets/box_fixes.h"

#include <doctest/doctest.h>

#include <sstream>

#include "core/error.h"
#include "data/sets/coco_json.h"
#include "data/sets/voc.h"
#include "data/sets/yolo.h"
#include "formats/json.h"

namespace tessera {
namespace {

std::span<const std::uint8_t> text_bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

TEST_CASE("boxes of VOC are mended, and everything else stays") {
  const auto object = [](const std::string& corners) {
    const char* const keys[] = {"xmin", "ymin", "xmax", "ymax"};
    std::string box;
    std::istringstream words(corners);
    for (const char* key : keys) {
      std::string word;
      words >> word;
      box += std::string("<") + key + ">" + word + "</" + key + ">";
    }
    return "<object><name>cell</name><pose>left</pose><bndbox>" + box + "</bndbox></object>";
  };
  std::string xml =
      "<annotation><source>a lab</source><size><width>64</width><height>48</height></size>";
  for (const char* corners : {"2 3 10 12", "2 3 10 12", "20 20 10 12", "5 5 5 9", "-3 1 9 9",
                              "90 90 99 99", "nan 1 2 3", "a 1 2 3"}) {
    xml += object(corners);
  }
  BoxFixes fixes;
  const std::string fixed = fixed_voc(text_bytes(xml + "</annotation>"), "a.xml", fixes);
  CHECK(fixes.boxes == 3);
  CHECK(fixes.repeated == 1);
  CHECK(fixes.empty == 1);
  CHECK(fixes.outside == 1);
  CHECK(fixes.unreadable == 2);
  CHECK(fixes.cut == 1);
  CHECK(fixes.turned > 0);
  CHECK(fixed.find("a lab") != std::string::npos);
  CHECK(fixed.find("left") != std::string::npos);
  BoxWarnings warnings;
  const VocAnnotation read = parse_voc(text_bytes(fixed), "a.xml", warnings);
  REQUIRE(read.objects.size() == 3);
  CHECK(read.objects[0].box.x0 == 1.0f);
  CHECK(read.objects[1].box.x0 == 9.0f);  // turned
  CHECK(read.objects[1].box.x1 == 20.0f);
  CHECK(read.objects[2].box.x0 == 0.0f);  // cut
  CHECK(warnings.take().empty());
  BoxFixes again;
  CHECK(fixed_voc(text_bytes(fixed), "a.xml", again) == fixed);
  CHECK(!again.any());
  CHECK_THROWS_AS(fixed_voc(text_bytes("<annotation>"), "a.xml", again), DataError);
}

TEST_CASE("boxes of COCO are mended, and everything else stays") {
  Json file = {{"info", {{"year", 2017}}},
               {"images", {{{"id", 7}, {"file_name", "a.jpg"}, {"width", 64}, {"height", 48}}}},
               {"annotations", Json::array()},
               {"categories", {{{"id", 3}, {"name", "cell"}}}}};
  const auto add = [&](const Json& bbox, int image = 7, int category = 3) {
    file["annotations"].push_back({{"id", file["annotations"].size() + 1},
                                   {"image_id", image},
                                   {"category_id", category},
                                   {"bbox", bbox},
                                   {"segmentation", {{1, 2, 3}}}});
  };
  add({1, 2, 10, 12});
  add({1, 2, 10, 12});
  add({20, 20, -10, 5});
  add({60, 40, 10, 10});
  add({1, 2, 0, 5});
  add({100, 2, 5, 5});
  add({1, 2, 5});
  add({1, 2, 5, 5}, 8);
  add({1, 2, 5, 5}, 7, 4);
  file["annotations"].push_back("no object");
  BoxFixes fixes;
  const std::string fixed = fixed_coco(text_bytes(file.dump()), "a.json", fixes);
  CHECK(fixes.boxes == 3);
  CHECK(fixes.repeated == 1);
  CHECK(fixes.empty == 1);
  CHECK(fixes.outside == 1);
  CHECK(fixes.unreadable == 4);
  CHECK(fixes.turned == 1);
  CHECK(fixes.cut == 1);
  const Json written = Json::parse(fixed);
  CHECK(written["info"]["year"] == 2017);
  CHECK(written["annotations"][0] == file["annotations"][0]);
  CHECK(written["annotations"][1]["bbox"] == Json({10.0, 20.0, 10.0, 5.0}));
  CHECK(written["annotations"][2]["area"] == 4.0 * 8.0);
  CHECK(parse_coco(text_bytes(fixed), "a.json").annotations.size() == 3);
  CHECK_THROWS_AS(fixed_coco(text_bytes("{}"), "a.json", fixes), DataError);
  CHECK_THROWS_AS(fixed_coco(text_bytes("["), "a.json", fixes), DataError);
}

TEST_CASE("rows of YOLO are mended, and those that are right stay as they are") {
  const std::string text =
      "0 0.5 0.5 0.20 0.2\n\n0 0.5 0.5 0.2 0.2\n1 0.95 0.5 0.2 0.2\n1 0.5 0.5 0 0.2\n"
      "1 320 240 50 50\n1 .2 .2 nan .1\n1 .2 .2\ncat .1 .1 .1 .1\n"
      "2 0.1 0.1 0.3 0.1 0.3 1.2\n";
  BoxFixes fixes;
  const std::string fixed = fixed_yolo(text_bytes(text), fixes);
  CHECK(fixes.boxes == 3);
  CHECK(fixes.repeated == 1);
  CHECK(fixes.empty == 1);
  CHECK(fixes.outside == 1);
  CHECK(fixes.unreadable == 3);
  CHECK(fixes.cut == 2);
  CHECK(fixed == "0 0.5 0.5 0.20 0.2\n1 0.925 0.5 0.15 0.2\n2 0.1 0.1 0.3 0.1 0.3 1\n");
  BoxWarnings warnings;
  CHECK(parse_yolo_labels(text_bytes(fixed), "a.txt", 3, warnings).size() == 3);
}

}  // namespace
}  // namespace tessera
