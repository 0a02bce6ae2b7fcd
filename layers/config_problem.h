// A value of a configuration that cannot be meant.
#pragma once

#include <string>
#include <vector>

namespace tessera {

struct ConfigProblem {
  std::vector<std::string> keys;      ///< `model.patch_embed.kernel`; the one to blame first
  std::string text;                   ///< values and way out
  std::vector<std::string> others{};  ///< keys whose values have a part in it as well
};

}  // namespace tessera
