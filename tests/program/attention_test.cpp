// tessera attention and explain, as a user sees them.
#include <algorithm>

#include "data/images/image.h"
#include "tests/program/program.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;

/// A run of one step and an image of 40 x 30 pixels.
class Attention {
 public:
  explicit Attention(const std::vector<std::string>& overrides = {}) {
    write_text(folder_ / "c.yaml", kTinyConfig);
    std::vector<std::string> arguments{"train", folder_ / "c.yaml", "--out", run(),
                                       "--set", "train.max_steps=1"};
    for (const std::string& text : overrides) arguments.insert(arguments.end(), {"--set", text});
    REQUIRE(tessera(arguments).code == 0);
    Image photo{{30, 40, 3}, std::vector<std::uint8_t>(3600)};
    for (std::size_t i = 0; i < 3600; ++i) photo.pixels[i] = static_cast<std::uint8_t>(i % 251);
    write_png(image(), photo);
  }

  std::string run() const { return folder_ / "run"; }
  std::string image() const { return folder_ / "a.png"; }
  std::string out() const { return folder_ / "out.png"; }

  Outcome draw(std::vector<std::string> more) const {
    fs::remove(out());
    more.insert(more.begin(), {"attention", run(), image(), "--out", out()});
    return tessera(std::move(more));
  }

  ImageShape shape(std::vector<std::string> more) const {
    const Outcome outcome = draw(std::move(more));
    REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    return load_image(out(), 3).shape;
  }

  void fails(std::vector<std::string> more, int code, const std::string& part) const {
    const Outcome outcome = draw(std::move(more));
    CAPTURE(outcome.err);
    CHECK(outcome.code == code);
    CHECK(outcome.has_one_line());
    CHECK_MESSAGE(outcome.err.find(part) != std::string::npos, "expected: ", part);
    CHECK_FALSE(fs::exists(out()));
  }

 private:
  ScratchFolder folder_;
};

TEST_CASE("attention: a picture of all blocks, of chosen ones, of heads, of a place") {
  const Attention attention;
  const std::int64_t all = attention.shape({}).height;  // two stages of one block
  CHECK(attention.shape({"--block", "1.0"}).height < all);
  const std::string mean = read_text(attention.out());
  attention.shape({"--block", "1.0", "--heads"});
  CHECK(read_text(attention.out()) != mean);
  CHECK(attention.shape({"--heads"}).height == all);
  CHECK(attention.shape({"--query", "34,29"}).height == all);
  const std::string there = read_text(attention.out());
  CHECK(attention.shape({"--query", "5,0"}).height == all);
  CHECK(read_text(attention.out()) != there);
  CHECK(attention.shape({"--block", "1.0", "--block", "0.0"}).height == all);
}

TEST_CASE("attention: a ViT with a class token in bf16") {
  const Attention attention({"model.name=vit", "model.depths=[2]", "model.num_heads=[2]",
                             "model.pool=token", "train.precision=bf16"});
  CHECK(attention.shape({}).height > 0);
  CHECK(attention.shape({"--query", "5,5", "--heads"}).height > 0);
}

TEST_CASE("attention: mistakes are one line and leave no file") {
  const Attention attention;
  attention.fails({"--query", "5"}, 2, "is not of the form X,Y");
  attention.fails({"--query", "5,-1"}, 2, "is not of the form X,Y");
  attention.fails({"--query", "5,6,7"}, 2, "is not of the form X,Y");
  attention.fails({"--query", "0,0"}, 2, "is not seen: the model looks at the middle");
  attention.fails({"--query", "40,3"}, 2, "outside the image of 40 x 30 pixels");
  attention.fails({"--block", "0"}, 2, "is not of the form STAGE.BLOCK");
  attention.fails({"--block", "0.1"}, 2, "no block 0.1, its last is 1.0");
  attention.fails({"--block", "99999999999999999999.1"}, 2, "is not of the form");
  const auto fails = [&](const std::vector<std::string>& arguments, int code) {
    const Outcome outcome = tessera(arguments);
    CHECK(outcome.code == code);
    CHECK(outcome.has_one_line());
  };
  fails({"attention", attention.run(), attention.image()}, 2);  // no --out
  fails({"attention", attention.run(), "none.png", "--out", attention.out()}, 1);
  fails({"attention", "none", attention.image(), "--out", attention.out()}, 1);
  fails({"attention", attention.run(), attention.image(), "--out", "/nowhere/x.png"}, 1);
}

/// Pixels that are not grey.
std::int64_t coloured(const Image& image) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    const auto [low, high] =
        std::minmax({image.pixels[i], image.pixels[i + 1], image.pixels[i + 2]});
    count += high - low > 40 ? 1 : 0;
  }
  return count;
}

TEST_CASE("explain: the maps lie in colours over what the model sees") {
  const Attention attention;
  write_png(attention.image(), {{30, 40, 3}, std::vector<std::uint8_t>(3600, 128)});
  const auto explain = [&](std::vector<std::string> more) {
    more.insert(more.begin(),
                {"explain", attention.run(), attention.image(), "--out", attention.out()});
    return tessera(more);
  };
  const Outcome outcome = explain({});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  const Image picture = load_image(attention.out(), 3);
  CHECK(coloured(picture) > 1000);  // of a grey photo
  CHECK(explain({"--class", "circle"}).code == 0);
  CHECK(load_image(attention.out(), 3).shape.width < picture.shape.width);
  const Outcome unknown = explain({"--class", "circel"});
  CHECK(unknown.code == 2);
  CHECK(unknown.err.find("did you mean \"circle\"?") != std::string::npos);
  CHECK(explain({"--rollout"}).code == 2);
}

}  // namespace
}  // namespace tessera::test
