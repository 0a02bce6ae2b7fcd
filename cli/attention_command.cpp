#include <fmt/core.h>
#include <fmt/ranges.h>

#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "core/error.h"
#include "report/probes/attention_picture.h"
#include "train/log.h"
#include "train/model_input.h"
#include "train/saved_model.h"

namespace tessera {
namespace {

struct AttentionOptions {
  std::string path;
  std::string image;
  std::string out;
  std::string query;
  std::vector<std::string> blocks;
  bool heads = false;
};

/// Two numbers with `separator` between them.
Size2 parse_pair(const std::string& text, char separator, const char* option, const char* form) {
  Size2 pair{};
  const char *const end = text.data() + text.size(), *at = text.data();
  const auto number = [&](std::int64_t& value) {
    const auto [stop, error] = std::from_chars(at, end, value);
    at = stop;
    return error == std::errc{} && value >= 0;
  };
  if (!number(pair[0]) || at == end || *at++ != separator || !number(pair[1]) || at != end) {
    fail<ConfigError>("{}: {:?} is not of the form {}", option, text, form);
  }
  return pair;
}

/// From a pixel `x,y` of the photo to y, x of what the model sees of it, of `seen_size`.
std::optional<Size2> parse_query(const std::string& text, const ImageShape& photo,
                                 const Config& config, Size2 seen_size) {
  if (text.empty()) return std::nullopt;
  const auto [x, y] = parse_pair(text, ',', "--query", "X,Y");
  if (x >= photo.width || y >= photo.height) {
    fail<ConfigError>("--query: x {}, y {} lies outside the image of {} x {} pixels", x, y,
                      photo.width, photo.height);
  }
  if (config.task.name != TaskName::kClassification) {
    return Size2{(2 * y + 1) * seen_size[0] / (2 * photo.height),
                 (2 * x + 1) * seen_size[1] / (2 * photo.width)};
  }
  const std::optional<Size2> seen = seen_pixel({y, x}, photo, config);
  if (!seen) {
    fail<ConfigError>("--query: x {}, y {} is not seen: the model looks at the middle of the image",
                      x, y);
  }
  return seen;
}

/// Those of `maps` that `blocks` names, in their order; all, if it names none.
std::vector<AttentionMap> choose(const std::vector<AttentionMap>& maps,
                                 const std::vector<std::string>& blocks) {
  if (blocks.empty()) return maps;
  std::vector<AttentionMap> chosen;
  for (const std::string& text : blocks) {
    const auto [stage, block] = parse_pair(text, '.', "--block", "STAGE.BLOCK");
    const auto found = std::find_if(maps.begin(), maps.end(), [&](const AttentionMap& map) {
      return map.stage == stage && map.block == block;
    });
    if (found == maps.end()) {
      fail<ConfigError>("--block: the model has no block {}, its last is {}.{}", text,
                        maps.back().stage, maps.back().block);
    }
    chosen.push_back(*found);
  }
  return chosen;
}

std::vector<std::string> caption(const AttentionOptions& options, const ModelConfig& model) {
  const char* what = "attention that each token receives from all; 1: its even share";
  if (model.pool == Pooling::kToken) what = "attention that the class token pays";
  std::vector<std::string> lines{std::filesystem::path(options.image).filename().string()};
  if (options.query.empty()) {
    lines.emplace_back(what);
  } else {
    lines.push_back(fmt::format("attention that the framed token at {} pays", options.query));
  }
  if (!options.heads) lines.emplace_back("mean of all heads");
  return lines;
}

int run(const AttentionOptions& options) {
  const SavedModel saved = load_saved_model(options.path);
  ModelConfig model = saved.config.model;
  const Image photo = load_image(options.image, 3);
  const Tensor input = model_input(
      model.in_channels == 3 ? photo : load_image(options.image, model.in_channels), saved.config);
  model.image_size = {input.dim(1), input.dim(2)};  // of masks and boxes the photo keeps its aspect
  const auto query = parse_query(options.query, photo.shape, saved.config, model.image_size);
  ModelTrace trace;
  saved.learner->predict(input, nullptr, &trace);
  const auto maps = choose(attention_maps(trace, model, 0, query), options.blocks);
  const bool is_middle = saved.config.task.name == TaskName::kClassification;
  const Image picture = attention_picture(
      is_middle ? seen_image(photo, saved.config) : photo, maps,
      {.lines = caption(options, model), .image_size = model.image_size, .heads = options.heads});
  write_png(options.out, picture);
  notice("{}: {} x {} pixels", options.out, picture.shape.width, picture.shape.height);
  return kExitOk;
}

}  // namespace

Action add_attention_command(Arguments& arguments) {
  auto options = std::make_shared<AttentionOptions>();
  arguments.add_option("path", options->path, "Run (its best checkpoint) or checkpoint folder")
      .required();
  arguments
      .add_option("image", options->image,
                  "JPEG, PNG, WebP or BMP file, scaled to the model's size")
      .required();
  arguments.add_option("--out", options->out, "PNG to write").required();
  arguments.add_option(
      "--query", options->query,
      "X,Y, pixels of the image: the attention that the token there pays, 1 in sum");
  arguments
      .add_option("--block", options->blocks,
                  "STAGE.BLOCK, both from 0, as in names of parameters (all)")
      .repeated();
  arguments.add_flag("--heads", options->heads,
                     "Every head instead of the mean of a block's heads");
  arguments.footer(
      "Shown is how much attention each token receives from all tokens together: 1 is an even "
      "share, 0 is none. With a class token: what that token pays. Windows and shifts are undone, "
      "so each value lies over the pixels that its token stands for. Colours go from 0 to the "
      "largest value of each map, which stands above it.");
  return [options] { return run(*options); };
}

}  // namespace tessera
