// One key of a configuration: its name, what it accepts, and how it is read and written.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "files/yaml_tree.h"
#include "layers/model_config.h"
#include "optim/optim_config.h"

namespace tessera {

/// Numbers a key accepts.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool with_low = true;   ///< low itself is accepted
  bool with_high = true;  ///< high itself is accepted

  bool contains(double value) const {
    return (with_low ? value >= low : value > low) && (with_high ? value <= high : value < high);
  }
};

inline Range at_least(double low) { return {.low = low}; }
inline Range above(double low) { return {.low = low, .with_low = false}; }
inline Range between(double low, double high) { return {.low = low, .high = high}; }
/// [0, 1)
inline Range below_one() { return {.low = 0.0, .high = 1.0, .with_high = false}; }

/// `>= 1`, `> 0`, `in [0, 1)`
std::string to_string(const Range& range);

/// A key, bound to the variable that it sets.
struct Key {
  std::string path;   ///< `model.patch_size`
  std::string type;   ///< `an integer or auto`
  std::string range;  ///< of numbers: `>= 1`
  std::string help;

  /// Sets the variable, or adds to the problems, leaves it and returns false.
  std::function<bool(const YamlNode&, Problems&)> read;

  /// The variable as YAML in flow style; reading it back gives the same value, bit for bit.
  std::function<std::string()> write;
};

/// `word` stands for `automatic`; it is written for values outside the range only, so that a value
/// known by now is saved as a number. T: int64, int32, uint32.
template <typename T>
Key integer_key(std::string path, T& value, const Range& range, std::string help,
                std::optional<std::type_identity_t<T>> automatic = std::nullopt,
                std::string word = "auto");

/// `auto`, if given, stands for `automatic`, a number outside the range.
Key number_key(std::string path, double& value, const Range& range, std::string help,
               std::optional<double> automatic = std::nullopt);

Key flag_key(std::string path, bool& value, std::string help);

/// Not empty; the word `empty`, if given, stands for the empty text.
Key text_key(std::string path, std::string& value, std::string help, std::string empty = "");

/// A list of texts, none of them empty. With `or_auto`, `auto` is the empty list.
Key texts_key(std::string path, std::vector<std::string>& value, std::string help,
              bool or_auto = false);

/// One integer for both sides, or [height, width]. With `or_auto`, `auto` is {0, 0}.
Key size_key(std::string path, Size2& value, const Range& range, std::string help,
             bool or_auto = false);

/// A list of 1 to 8 integers, one a stage. With `or_auto`, `auto` is the empty list.
Key stages_key(std::string path, std::vector<std::int64_t>& value, const Range& range,
               std::string help, bool or_auto = false);

/// A list of 1 to 1000 integers. With `or_auto`, `auto` is the empty list.
Key integers_key(std::string path, std::vector<std::int64_t>& value, const Range& range,
                 std::string help, bool or_auto = false);

/// With `or_auto`, `auto` is the empty list. T: float, double.
template <typename T>
Key numbers_key(std::string path, std::vector<T>& value, const Range& range, std::string help,
                bool or_auto = false);

/// A number, which is a list of one, or a list of 1 to 8 numbers, one a stage or merging.
Key scale_key(std::string path, std::vector<double>& value, const Range& range, std::string help);

/// A number, or a map of `base` and `scale_with`, whose number is then that of a batch of 256.
Key learning_rate_key(std::string path, double& lr, LrScaling& scaling, std::string help);

Key pair_key(std::string path, std::array<double, 2>& value, const Range& range, std::string help);

/// Any of the words, alone or as a list; `none` for none of them.
Key words_key(std::string path, std::vector<std::pair<std::string, bool*>> words, std::string help);

namespace detail {
Key index_key(std::string path, std::vector<std::string> words,
              std::function<void(std::size_t)> set, std::function<std::size_t()> get,
              std::string help);
}  // namespace detail

/// One of several words. A value that several words stand for is written as the first of them.
template <typename E>
Key choice_key(std::string path, E& value, const std::vector<std::pair<std::string, E>>& choices,
               std::string help) {
  std::vector<std::string> words;
  for (const auto& choice : choices) words.push_back(choice.first);
  return detail::index_key(
      std::move(path), std::move(words),
      [&value, choices](std::size_t index) { value = choices[index].second; },
      [&value, choices] {
        std::size_t index = 0;
        while (index + 1 < choices.size() && choices[index].second != value) ++index;
        return index;
      },
      std::move(help));
}

}  // namespace tessera
