// Keys whose values are words.
#include <fmt/format.h>

#include <algorithm>

#include "train/config/closest.h"
#include "train/config/keys.h"

namespace tessera {
namespace {

std::string alternatives(const std::vector<std::string>& words) {
  if (words.size() == 1) return words.front();
  return fmt::format("{} or {}", fmt::join(words.begin(), words.end() - 1, ", "), words.back());
}

/// The index of the word in `node`; words.size() if there is none, which is then reported.
std::size_t read_word(std::string_view path, std::string_view type,
                      const std::vector<std::string>& words, const YamlNode& node,
                      Problems& problems) {
  const auto found =
      node.is_scalar() ? std::find(words.begin(), words.end(), node.text) : words.end();
  if (found == words.end()) {
    const auto guess = node.is_scalar() ? closest(node.text, words) : std::nullopt;
    problems.add(node.mark, fmt::format("{}: expected {}, got {}{}", path, type, describe(node),
                                        guess ? fmt::format("; did you mean {}?", *guess) : ""));
  }
  return static_cast<std::size_t>(found - words.begin());
}

}  // namespace

Key flag_key(std::string path, bool& value, std::string help) {
  const std::string type = "true or false";
  auto read = [=, &value](const YamlNode& node, Problems& problems) {
    if (node.is_plain("true") || node.is_plain("false")) {
      value = node.text == "true";
      return true;
    }
    problems.add(node.mark, fmt::format("{}: expected {}, got {}", path, type, describe(node)));
    return false;
  };
  auto write = [&value] { return value ? "true" : "false"; };
  return {path, type, "", std::move(help), std::move(read), std::move(write)};
}

Key words_key(std::string path, std::vector<std::pair<std::string, bool*>> words,
              std::string help) {
  std::vector<std::string> names;
  for (const auto& word : words) names.push_back(word.first);
  std::vector<std::string> with_none = names;
  with_none.emplace_back("none");
  const std::string type =
      fmt::format("{}{}", alternatives(with_none), names.size() > 1 ? ", or a list of them" : "");
  auto read = [=](const YamlNode& node, Problems& problems) {
    std::vector<bool> chosen(words.size());
    if (!(node.is_scalar() && node.text == "none")) {
      const std::vector<YamlNode> one{node};
      for (const YamlNode& item : node.is_list() ? node.items : one) {
        const std::size_t index = read_word(path, type, names, item, problems);
        if (index == names.size()) return false;
        chosen[index] = true;
      }
    }
    for (std::size_t i = 0; i < words.size(); ++i) *words[i].second = chosen[i];
    return true;
  };
  auto write = [words] {
    std::vector<std::string> chosen;
    for (const auto& [name, flag] : words) {
      if (*flag) chosen.push_back(name);
    }
    if (chosen.empty()) return std::string("none");
    if (chosen.size() == 1) return chosen.front();
    return fmt::format("[{}]", fmt::join(chosen, ", "));
  };
  return {path, type, "", std::move(help), std::move(read), std::move(write)};
}

Key detail::index_key(std::string path, std::vector<std::string> words,
                      std::function<void(std::size_t)> set, std::function<std::size_t()> get,
                      std::string help) {
  const std::string type = alternatives(words);
  auto read = [=](const YamlNode& node, Problems& problems) {
    const std::size_t index = read_word(path, type, words, node, problems);
    if (index < words.size()) set(index);
    return index < words.size();
  };
  auto write = [words, get] { return words[get()]; };
  return {path, type, "", std::move(help), std::move(read), std::move(write)};
}

}  // namespace tessera
