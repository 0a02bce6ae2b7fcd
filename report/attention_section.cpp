#include <fmt/format.h>

#include <algorithm>

#include "data/images/canvas.h"
#include "report/plot/picture.h"
#include "report/probes/attention_picture.h"
#include "report/sections.h"
#include "report/tiles.h"

namespace tessera::report {

Image in_color(const Image& image) {
  Image photo{{image.shape.height, image.shape.width, 3}, {}};
  const auto channels = static_cast<std::size_t>(image.shape.channels);
  for (std::size_t i = 0; i < image.pixels.size(); i += channels) {
    for (std::size_t c = 0; c < 3; ++c) {
      photo.pixels.push_back(image.pixels[i + (channels == 3 ? c : 0)]);
    }
  }
  return photo;
}

void add_tile(Markup& html, const Image& image, const std::string& text) {
  html.open("div");
  add_image(html, picture_of(image.pixels, image.shape), text);
  html.element("span", text).close();
}

std::string heat_scale() {
  std::string stops;
  for (const float share : {0.0f, 0.2f, 0.4f, 0.6f, 0.8f, 1.0f}) {
    const Color color = heat_color(share);
    stops += fmt::format(",rgb({} {} {})", color[0], color[1], color[2]);
  }
  return fmt::format(
      "<div class=\"scale\">none<i style=\"background:linear-gradient(90deg{})\"></i>most</div>",
      stops);
}

namespace {

constexpr std::int64_t kImages = 6;
constexpr std::size_t kBlocks = 6;

/// The last block, and others evenly before it.
std::vector<std::size_t> shown_blocks(std::size_t all) {
  std::vector<std::size_t> blocks;
  const std::size_t count = std::min(all, kBlocks);
  for (std::size_t i = 1; i <= count; ++i) blocks.push_back(i * all / count - 1);
  return blocks;
}

}  // namespace

std::optional<Section> attention_section(RunView& view) {
  if (!view.test) return std::nullopt;
  const Config& config = view.saved->config;
  const Tensor& all = view.test->images;
  const std::int64_t count = std::min(kImages, all.dim(0));
  const Shape shape{all.dim(1), all.dim(2), all.dim(3)};
  const Tensor images = Tensor::empty({count, shape[0], shape[1], shape[2]});
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < count; ++i) {  // spread over all, which are in the order of classes
    const std::int64_t from = i * all.dim(0) / count;
    images.slice(i * shape.numel(), shape).copy_from(all.slice(from * shape.numel(), shape));
    labels.push_back(view.test->labels.data<std::int32_t>()[from]);
  }
  ModelTrace trace;
  const Tensor logits = view.saved->learner->predict(images, nullptr, &trace);
  const std::vector<std::size_t> blocks = shown_blocks(trace.attention.size());
  Section section{"attention", "Attention", "", {}};
  section.lead = config.model.pool == Pooling::kToken
                     ? "Where the class token looks in some test images, mean over the heads."
                     : "Which tokens the others look at in some test images: what each token "
                       "receives from all together, mean over the heads.";
  section.lead += " Each picture has its own scale; block 1.0 is the first of stage 1.";
  Markup& html = section.body;
  html.raw(heat_scale()).open("div", {{"class", "figures rows"}});
  // One row of pictures, or two where there is no room.
  const std::string columns =
      fmt::format("--n:{};--half:{}", blocks.size() + 1, (blocks.size() + 2) / 2);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::vector<AttentionMap> maps = attention_maps(trace, config.model, i);
    const Image photo = in_color(image_of(images.slice(i * shape.numel(), shape), config.data));
    const auto name = [&](std::int64_t k) { return view.class_names[static_cast<std::size_t>(k)]; };
    const Prediction answer =
        prediction_of(logits.slice(i * logits.dim(1), {logits.dim(1)}).span());
    const std::int64_t label = labels[static_cast<std::size_t>(i)];
    html.open("figure").element(
        "h4",
        name(label) + (answer.predicted == label ? "" : ", taken for " + name(answer.predicted)));
    html.open("div", {{"class", "blocks"}, {"style", columns}});
    add_tile(html, photo, "image");
    for (const std::size_t block : blocks) {
      const AttentionMap& map = maps[block];
      add_tile(html, overlay_attention(photo, map, map.mean(), config.model.image_size),
               fmt::format("block {}.{}", map.stage, map.block));
    }
    html.close().close();
  }
  html.close();
  return section;
}

}  // namespace tessera::report
