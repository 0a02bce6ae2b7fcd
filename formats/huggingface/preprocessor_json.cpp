#include "formats/huggingface/preprocessor_json.h"

#include <cmath>

#include "core/error.h"
#include "formats/json.h"

namespace tessera {
namespace {

constexpr int kBilinear = 2, kBicubic = 3;  // Pillow's numbers

/// The shortest number that an f32 is read from: 0.485, not 0.48500001430511475.
double shortest(float value) { return std::stod(fmt::format("{}", value)); }

Json list_of(const std::vector<float>& values) {
  Json list = Json::array();
  for (const float value : values) list.push_back(shortest(value));
  return list;
}

std::vector<float> floats_in(const Json& json, const char* key, const std::string& path) {
  std::vector<float> values;
  const auto found = json.find(key);
  if (found == json.end()) return values;
  for (const Json& value : found->is_array() ? *found : Json::array({*found})) {
    if (!value.is_number())
      fail<ConfigError>("[huggingface] {}: {} is no list of numbers", path, key);
    values.push_back(value.get<float>());
  }
  return values;
}

/// The shorter side of a size in any of its forms; 0 if there is none.
double side_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return 0.0;
  if (found->is_number()) return found->get<double>();
  if (!found->is_object()) return 0.0;
  double side = 0.0;
  for (const char* name : {"shortest_edge", "height", "width"}) {
    const auto value = found->find(name);
    if (value == found->end() || !value->is_number()) continue;
    side = side == 0.0 ? value->get<double>() : std::min(side, value->get<double>());
  }
  return side;
}

}  // namespace

std::string preprocessor_json(const Preprocessing& preprocessing, Size2 image, bool dense) {
  const bool square = image[0] == image[1] && !dense;
  Json json = Json::object();
  const Json size = {{"height", image[0]}, {"width", image[1]}};
  json["do_resize"] = true;
  if (square) {
    const double side = std::round(static_cast<double>(image[0]) / preprocessing.test_crop);
    json["size"] = {{"shortest_edge", static_cast<std::int64_t>(side)}};
    json["do_center_crop"] = true;
    json["crop_size"] = size;
  } else {
    json["size"] = size;
  }
  json["resample"] = preprocessing.bicubic ? kBicubic : kBilinear;
  json["do_rescale"] = true;
  json["rescale_factor"] = 1.0 / 255.0;
  json["do_normalize"] = true;
  json["image_mean"] = list_of(preprocessing.mean);
  json["image_std"] = list_of(preprocessing.std);
  json["do_convert_rgb"] = preprocessing.mean.size() == 3;
  json["image_processor_type"] = dense    ? "SegformerImageProcessor"
                                 : square ? "CLIPImageProcessor"
                                          : "ViTImageProcessor";
  return json_text(json, 2) + "\n";
}

Preprocessing parse_preprocessor_json(std::string_view text, const std::string& path) {
  const Json json = try_parse_json(text);
  if (!json.is_object()) fail<ConfigError>("[huggingface] {}: is no JSON object", path);
  Preprocessing result;
  const bool normalizes = json.value("do_normalize", Json(true)) != Json(false);
  if (normalizes) {
    result.mean = floats_in(json, "image_mean", path);
    result.std = floats_in(json, "image_std", path);
  }
  result.bicubic = json.value("resample", Json(kBilinear)) == Json(kBicubic);
  const double scaled = side_of(json, "size"), kept = side_of(json, "crop_size");
  const bool crops = json.value("do_center_crop", Json(false)) == Json(true);
  const Json share = json.value("crop_pct", Json());
  const auto usable = [](double part) { return part >= 0.1 && part <= 1.0; };  // as data.test_crop
  if (crops && scaled > 0.0 && usable(kept / scaled)) {
    result.test_crop = kept / scaled;
  } else if (share.is_number() && usable(share.get<double>())) {
    result.test_crop = share.get<double>();
  }
  return result;
}

}  // namespace tessera
