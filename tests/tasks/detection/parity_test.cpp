// A detector against torchvision's with the same weights: outputs, targets, losses, gradients,
// detections.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "formats/safetensors.h"
#include "formats/weights/load_weights.h"
#include "layers/heads/detector_heads.h"
#include "layers/model.h"
#include "tasks/detection/detections.h"
#include "tasks/detection/detector_loss.h"
#include "tests/support/paths.h"

namespace tessera {
namespace {

ModelConfig config_of(const TensorFile& file) {
  const auto stored = nlohmann::json::parse(file.metadata.at("model"));
  ModelConfig config;
  config.image_size = {stored["image_size"][0], stored["image_size"][1]};
  config.num_classes = stored["num_classes"];
  config.patch_size = {stored["patch_size"], stored["patch_size"]};
  config.embed_dim = stored["embed_dim"];
  config.depths = stored["depths"].get<std::vector<std::int64_t>>();
  config.num_heads = stored["num_heads"].get<std::vector<std::int64_t>>();
  config.window_size = {stored["window_size"], stored["window_size"]};
  config.mlp_ratio = stored["mlp_ratio"];
  config.drop_path = 0.0;
  config.padding = WindowPadding::kTorchvision;
  config.window_policy = WindowPolicy::kPad;
  config.head.channels = stored["fpn_channels"];
  config.head.convs = stored["head_convs"];
  DetectorConfig& detector = config.head.detector;
  detector.location = 0.0;
  detector.score_threshold = stored["score_thresh"];
  detector.nms = stored["nms_thresh"];
  detector.keep = stored["detections_per_img"];
  detector.before_nms = stored["topk_candidates"];
  if (stored["name"] == "retinanet_swin") {
    config.head.type = HeadType::kRetinaNet;
    detector.ratios = stored["aspect_ratios"].get<std::vector<double>>();
    detector.positive = stored["fg_iou"];
    detector.negative = stored["bg_iou"];
    for (const auto& sides : stored["anchor_sizes"]) {
      for (const auto& side : sides) detector.anchors.push_back(side);
    }
    for (const auto& stride : stored["strides"]) detector.levels.push_back(stride[0]);
    return config;
  }
  config.head.type = HeadType::kFcos;
  detector.groups = stored["group_norm"];
  detector.radius = stored["center_sampling_radius"];
  for (const auto& sizes : stored["anchor_sizes"]) {
    detector.levels.push_back(sizes[0].get<std::int64_t>());
  }
  return config;
}

Tensor channels_last(const Tensor& x) {
  const std::int64_t channels = x.dim(1), pixels = x.dim(2) * x.dim(3);
  const Tensor y = Tensor::empty({x.dim(0), x.dim(2), x.dim(3), channels});
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    const std::int64_t b = i / channels / pixels, p = i / channels % pixels, c = i % channels;
    y.f32()[i] = x.f32()[(b * channels + c) * pixels + p];
  }
  return y;
}

/// The largest difference by the largest of `expected`, or as it is.
double difference(std::span<const float> actual, std::span<const float> expected,
                  bool relative = true) {
  REQUIRE(actual.size() == expected.size());
  double worst = 0.0, largest = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, std::abs(double{actual[i]} - double{expected[i]}));
    largest = std::max(largest, std::abs(double{expected[i]}));
  }
  return relative && largest > 0.0 ? worst / largest : worst;
}

/// Part `part` of all levels, [B, L, C] one after the other as torchvision joins them.
std::vector<float> joined(std::span<const Var> outputs, std::size_t part,
                          const DetectorGrid& grid) {
  const std::size_t parts = outputs.size() / grid.levels.size();
  std::vector<float> values;
  for (std::int64_t b = 0; b < outputs.front().dim(0); ++b) {
    for (std::size_t l = 0; l < grid.levels.size(); ++l) {
      const Var& output = outputs[l * parts + part];
      const std::int64_t own = output.value.numel() / output.dim(0);
      const bool in_strides = part == FcosOutput::kDistances && grid.levels[l].anchors.empty();
      const float unit = in_strides ? grid.levels[l].stride : 1.0f;
      for (std::int64_t i = 0; i < own; ++i) {
        values.push_back(output.value.f32()[b * own + i] / unit);
      }
    }
  }
  return values;
}

struct Fixture {
  explicit Fixture(const char* name)
      : file(read_safetensors(test::fixture(name))), config(config_of(file)), model(config) {
    load_weights(file, named_values(model.parameters), {.prefix = "param/"});
    const Tensor images = channels_last(file.f32("input"));
    size = {images.dim(1), images.dim(2)};
    const Var input = tape.constant(images);
    outputs = model.forward(tape, input);
    grid = detector_grid(config, detector_maps(config, outputs), size);
    for (std::int64_t b = 0; b < images.dim(0); ++b) {
      const std::string target = "target/" + std::to_string(b) + "/";
      const Tensor corners = file.f32(target + "boxes"), labels = file.i32(target + "labels");
      std::vector<Box>& list = boxes.emplace_back();
      for (std::int64_t i = 0; i < labels.numel(); ++i) {
        const float* c = corners.f32() + 4 * i;
        list.push_back({.x0 = c[0],
                        .y0 = c[1],
                        .x1 = c[2],
                        .y1 = c[3],
                        .label = labels.data<std::int32_t>()[i]});
      }
    }
  }

  TensorFile file;
  ModelConfig config;
  Model model;
  Tape tape;
  Size2 size{};
  std::vector<Var> outputs;
  DetectorGrid grid;
  std::vector<std::vector<Box>> boxes;
};

void check_gradients(Fixture& f, const Var& loss) {
  f.model.parameters.clear_gradients();
  f.tape.backward(loss);
  f.model.parameters.complete_gradients();
  const auto listed = nlohmann::json::parse(f.file.metadata.at("zero_grads"));
  const auto zeros = listed.get<std::set<std::string>>();
  std::size_t seen = 0;
  for (const NamedTensor& gradient :
       rename_tensors(named_gradients(f.model.parameters), Naming::kTorchvision)) {
    CAPTURE(gradient.name);
    const Tensor expected = f.file.f32("grad/" + gradient.name);
    const bool is_zero = zeros.contains(gradient.name);
    CHECK(difference(gradient.tensor.span(), expected.span(), !is_zero) < (is_zero ? 1e-5 : 1e-3));
    ++seen;
  }
  CHECK(seen ==
        static_cast<std::size_t>(std::ranges::count_if(
            f.file.tensors, [](const StoredTensor& t) { return t.name.starts_with("grad/"); })));
}

void check_detections(const Fixture& f) {
  std::vector<Tensor> values;
  for (const Var& output : f.outputs) values.push_back(output.value);
  for (std::size_t b = 0; b < f.boxes.size(); ++b) {
    CAPTURE(b);
    const std::string name = "det/" + std::to_string(b) + "/";
    const Tensor corners = f.file.f32(name + "boxes"), scores = f.file.f32(name + "scores");
    const Tensor labels = f.file.i32(name + "labels");
    const auto found =
        detections_of(f.config, values, static_cast<std::int64_t>(b), f.size, f.size);
    REQUIRE(static_cast<std::int64_t>(found.size()) == labels.numel());
    for (std::size_t i = 0; i < found.size(); ++i) {
      CAPTURE(i);
      CHECK(found[i].label == labels.data<std::int32_t>()[i]);
      CHECK(std::abs(found[i].score - scores.f32()[i]) < 1e-5f);
      const std::array own{found[i].x0, found[i].y0, found[i].x1, found[i].y1};
      CHECK(difference(own, corners.span().subspan(4 * i, 4), false) < 1e-2);
    }
  }
}

TEST_CASE("a detector computes what torchvision's does, also where maps do not divide the image") {
  for (const char* name : {"fcos_swin_64.safetensors", "fcos_swin_strides_48x80.safetensors"}) {
    CAPTURE(name);
    Fixture f(name);
    CHECK(difference(joined(f.outputs, FcosOutput::kLogits, f.grid),
                     f.file.f32("cls_logits").span()) < 1e-5);
    CHECK(difference(joined(f.outputs, FcosOutput::kDistances, f.grid),
                     f.file.f32("bbox_regression").span()) < 1e-5);
    CHECK(difference(joined(f.outputs, FcosOutput::kCentreness, f.grid),
                     f.file.f32("bbox_ctrness").span()) < 1e-5);
    for (std::size_t b = 0; b < f.boxes.size(); ++b) {
      CAPTURE(b);
      const Tensor matched = f.file.i32("matched/" + std::to_string(b));
      CHECK(std::ranges::equal(match_places(f.grid, f.boxes[b]), matched.span<std::int32_t>()));
    }
    const DetectorLosses losses =
        fcos_losses(f.tape, f.config.head.detector, f.outputs, fcos_targets(f.grid, f.boxes));
    const auto value = [&](const char* term) { return f.file.f32(term).f32()[0]; };
    CHECK(losses.classes.value.f32()[0] ==
          doctest::Approx(value("loss/classification")).epsilon(1e-5));
    CHECK(losses.boxes.value.f32()[0] ==
          doctest::Approx(value("loss/bbox_regression")).epsilon(1e-5));
    CHECK(losses.centreness.value.f32()[0] ==
          doctest::Approx(value("loss/bbox_ctrness")).epsilon(1e-5));
    check_detections(f);
    check_gradients(f, losses.sum(f.tape));
  }
}

TEST_CASE("a detector with anchors computes what torchvision's does") {
  Fixture f("retinanet_swin_64.safetensors");
  CHECK(difference(joined(f.outputs, RetinaNetOutput::kLogits, f.grid),
                   f.file.f32("cls_logits").span()) < 1e-5);
  CHECK(difference(joined(f.outputs, RetinaNetOutput::kOffsets, f.grid),
                   f.file.f32("bbox_regression").span()) < 1e-5);
  std::vector<float> anchors;
  for (const DetectorLevel& level : f.grid.levels) {
    for (std::int64_t k = 0; k < 9 * level.places(); ++k) {
      std::ranges::copy(level.anchor(k), std::back_inserter(anchors));
    }
  }
  CHECK(std::ranges::equal(anchors, f.file.f32("anchors").span()));
  f.config.head.detector.anchors.clear();  // these are the ones that it has by itself
  const DetectorGrid automatic =
      detector_grid(f.config, detector_maps(f.config, f.outputs), f.size);
  CHECK(automatic.levels[2].anchors == f.grid.levels[2].anchors);
  const DetectorLosses losses = detector_losses(f.tape, f.config, f.outputs, f.size, f.boxes);
  CHECK(losses.classes.value.f32()[0] ==
        doctest::Approx(f.file.f32("loss/classification").f32()[0]).epsilon(1e-5));
  CHECK(losses.boxes.value.f32()[0] ==
        doctest::Approx(f.file.f32("loss/bbox_regression").f32()[0]).epsilon(1e-5));
  check_detections(f);
  check_gradients(f, losses.sum(f.tape));
}

}  // namespace
}  // namespace tessera
