// A study: one configuration in several variants, each trained with several seeds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "files/problems.h"
#include "files/yaml_tree.h"
#include "train/train_config.h"

namespace tessera {

/// One value of an axis: what tables call it, and what it changes.
struct AxisValue {
  std::string label;
  YamlNode settings;  ///< a map, laid over the study's configuration
};

/// What varies: the key that the axis is named after, or bundles of settings under any name.
struct Axis {
  std::string name;
  std::vector<AxisValue> values;  ///< at least one; labels are unique
};

/// Labels of some axes, by the name of the axis.
using Labels = std::map<std::string, std::string>;

/// What is made equal to the baseline, and by which knob: the width of the model for the first two,
/// the length of training for the others.
enum class Match : std::uint8_t {
  kNone,
  kMacs,    ///< multiply-adds of an image, by `model.embed_dim`
  kParams,  ///< parameters, by `model.embed_dim`
  kTokens,  ///< tokens of all training images together, by the number of updates
  kTime,    ///< seconds of training, by the number of updates
};

struct Study {
  std::string name;
  YamlNode config;         ///< the configuration that all cells share
  std::vector<Axis> axes;  ///< at least one
  std::vector<std::int64_t> seeds;
  /// Those of `seeds` that were added after results had been seen, a list each time: see add_seeds.
  std::vector<std::vector<std::int64_t>> added{};
  Match match = Match::kNone;
  double budget = 0.0;  ///< seconds of training that a run may be expected to take; 0: any
  bool test = false;    ///< the test split is read of every run once it is trained
  /// Half of the interval that differences of the first metric are to have, as tables show it: in
  /// percentage points of a share; 0: none is wanted.
  double interval = 0.0;
  /// Names of what is reported of a run: `val/top1` of its last evaluation, `train/loss` over its
  /// last epoch, with `test` `test/top1` of its last checkpoint and `best/test/top1` of the one
  /// that was best on val. The first decides.
  std::vector<std::string> metrics;
  Labels baseline;  ///< axes that are not in it keep the value of the cell that is compared
  std::vector<Labels> skip;
};

/// The prefixes of the test split's figures: of a run's last checkpoint, and of its best on val.
inline constexpr const char* kTestPrefix = "test/";
inline constexpr const char* kBestTestPrefix = "best/test/";

/// `interval` in units of the first metric: a share's are not points of percent; 0: none.
double wanted_half_width(const Study& study);

/// Whether a figure is of the test split.
bool is_test_metric(std::string_view metric);

/// The names of all that is known of a run: of its last evaluation and, if the study reads it, of
/// the test split.
std::vector<std::string> reported_metrics(const Study& study, const Config& config);

/// Reads a study's file and lays the `quick` settings, if asked for, and `key.path=value` overrides
/// over it; `axes.NAME=...` replaces an axis. Throws one ConfigError with everything that is wrong,
/// a line a problem, sorted by place.
Study load_study(const std::filesystem::path& path, std::span<const std::string> overrides,
                 bool quick);

/// The same of a text. `path` stands for the file.
Study parse_study(const std::string& text, const std::filesystem::path& path,
                  std::span<const std::string> overrides = {}, bool quick = false);

/// The word of study files.
std::string_view to_string(Match match);

/// Lays the settings of `map`, whose keys may be paths (`model.patch_size`), out as a configuration
/// has them. Keys that are no paths go to `problems`.
YamlNode expand_settings(const YamlNode& map, Problems& problems);

/// The axes in the map `node`. Keys and values that no configuration has go to `problems`.
std::vector<Axis> read_axes(const YamlNode& node, Problems& problems);

/// A map of axis and value. Those that the study does not have go to `problems`.
Labels read_labels(const YamlNode& node, const std::vector<Axis>& axes, const std::string& what,
                   Problems& problems);

}  // namespace tessera
