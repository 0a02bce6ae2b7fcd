// The key that is a number or a map: `lr: 1.0e-3` or `lr: {base: 1.0e-3, scale_with: linear}`.
#include <fmt/format.h>

#include <array>

#include "train/config/closest.h"
#include "train/config/keys.h"

namespace tessera {

Key learning_rate_key(std::string path, double& lr, LrScaling& scaling, std::string help) {
  const Key number = number_key(path, lr, above(0), "");
  const std::array<Key, 2> parts = {
      number_key(path + ".base", lr, above(0), ""),
      choice_key(
          path + ".scale_with", scaling,
          {{"none", LrScaling::kNone}, {"linear", LrScaling::kLinear}, {"sqrt", LrScaling::kSqrt}},
          "")};
  auto read = [=, &scaling](const YamlNode& node, Problems& problems) {
    if (!node.is_map()) {
      scaling = LrScaling::kNone;
      return number.read(node, problems);
    }
    bool readable = true;
    for (const YamlEntry& entry : node.entries) {
      const Key* part = nullptr;
      for (const Key& known : parts) {
        if (known.path == path + "." + entry.key) part = &known;
      }
      if (part != nullptr) {
        readable = part->read(entry.value, problems) && readable;
        continue;
      }
      const std::array<std::string, 2> names = {"base", "scale_with"};
      const auto guess = closest(entry.key, names);
      problems.add(entry.mark, fmt::format("unknown key {}.{}; {}", path, entry.key,
                                           guess ? fmt::format("did you mean {}?", *guess)
                                                 : "known here: base, scale_with"));
      readable = false;
    }
    if (readable && node.find("base") == nullptr) {
      problems.add(node.mark, fmt::format("{}: base is missing: {{base: {}, scale_with: {}}}", path,
                                          number.write(), parts[1].write()));
      readable = false;
    }
    return readable;
  };
  auto write = [=, &scaling] {
    if (scaling == LrScaling::kNone) return number.write();
    return fmt::format("{{base: {}, scale_with: {}}}", parts[0].write(), parts[1].write());
  };
  return {path,
          "a number or {base, scale_with: none, linear or sqrt}",
          number.range,
          help,
          std::move(read),
          std::move(write)};
}

}  // namespace tessera
