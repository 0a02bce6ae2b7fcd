#include "train/config/reader.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "train/config/closest.h"
#include "train/config/schema.h"

namespace tessera {
namespace {

std::string join(std::string_view section, std::string_view name) {
  return section.empty() ? std::string(name) : fmt::format("{}.{}", section, name);
}

std::string_view section_of(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}

std::string_view name_of(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

class Reader {
 public:
  Reader(const Schema& schema, ReadState& state, Problems& problems)
      : schema_(schema), state_(state), problems_(problems) {}

  void read_section(const YamlNode& map, const std::string& section) {
    for (const YamlEntry& entry : map.entries) {
      if (entry.key.find('.') != std::string::npos) {
        report_dotted(entry, join(section, entry.key));
        continue;
      }
      const std::string path = join(section, entry.key);
      if (const Key* key = schema_.find_key(path)) {
        state_.record(path, entry.value);
        if (!key->read(entry.value, problems_)) state_.mark_unreadable(path);
      } else if (const Section* inner = schema_.find_section(path)) {
        state_.record(path, entry.value);
        read_inner(entry.value, *inner);
      } else {
        report_unknown(entry, path, section);
      }
    }
  }

 private:
  void read_inner(const YamlNode& value, const Section& section) {
    // Quoted or not, as JSON has no plain words.
    const auto says = [&](const char* word) { return value.is_scalar() && value.text == word; };
    const bool none = section.on != nullptr && says("none");
    if (section.on != nullptr && !value.is_null()) *section.on = !none;
    if (value.is_map()) return read_section(value, section.path);
    const bool left_as_is = none || value.is_null() || (section.or_auto && says("auto"));
    if (left_as_is) return;
    problems_.add(value.mark,
                  fmt::format("{}: expected a map of keys{}{}, got {}", section.path,
                              section.or_auto ? " or auto" : "",
                              section.on != nullptr ? " or none" : "", describe(value)));
    state_.mark_unreadable(section.path);
  }

  /// Such a key would come beside the one that it means, whatever a base or --set says of that.
  void report_dotted(const YamlEntry& entry, const std::string& path) {
    state_.mark_unreadable(path);
    problems_.add(entry.mark,
                  fmt::format("{}: keys with dots are for --set and for axes; write {}: below {}:",
                              path, name_of(path), section_of(path)));
  }

  void report_unknown(const YamlEntry& entry, const std::string& path, const std::string& section) {
    std::vector<std::string> names;
    std::string elsewhere;
    const auto consider = [&](const std::string& known) {
      if (section_of(known) == section) names.emplace_back(name_of(known));
      if (name_of(known) == name_of(entry.key)) elsewhere = known;
    };
    for (const Section& known : schema_.sections) consider(known.path);
    for (const Key& known : schema_.keys) consider(known.path);

    std::string hint;
    if (const auto guess = closest(entry.key, names)) {
      hint = fmt::format("did you mean {}?", *guess);
      state_.mark_unreadable(join(section, *guess));
    } else if (!elsewhere.empty()) {
      hint = fmt::format("did you mean {}?", elsewhere);
      state_.mark_unreadable(elsewhere);
    } else {
      hint = fmt::format("known here: {}", fmt::join(names, ", "));
    }
    problems_.add(entry.mark, fmt::format("unknown key {}; {}", path, hint));
  }

  const Schema& schema_;
  ReadState& state_;
  Problems& problems_;
};

}  // namespace

void ReadState::record(const std::string& path, const YamlNode& node) {
  marks_[path] = node.mark;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    record(fmt::format("{}[{}]", path, i), node.items[i]);
  }
}

bool ReadState::readable(std::string_view path) const {
  for (; !path.empty(); path = section_of(path)) {
    if (unreadable_.count(std::string(path)) > 0) return false;
  }
  return true;
}

Mark ReadState::mark_of(const std::vector<std::string>& paths) const {
  for (const std::string& path : paths) {
    if (const auto found = marks_.find(path); found != marks_.end()) return found->second;
  }
  for (std::string_view path = section_of(*paths.begin()); !path.empty(); path = section_of(path)) {
    if (const auto found = marks_.find(std::string(path)); found != marks_.end()) {
      return found->second;
    }
  }
  return {file_};
}

ReadState read_tree(const YamlNode& tree, Config& config, Problems& problems) {
  ReadState state(tree.mark.file);
  const Schema schema = schema_of(config);
  Reader(schema, state, problems).read_section(tree, "");
  return state;
}

}  // namespace tessera
