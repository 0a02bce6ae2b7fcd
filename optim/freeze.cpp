#include "optim/freeze.h"

#include <fnmatch.h>

#include <algorithm>

#include "core/error.h"

namespace tessera {

void freeze_parameters(const ParameterStore& store, std::span<const std::string> patterns) {
  const auto& entries = store.entries();
  for (const std::string& pattern : patterns) {
    bool any = false;
    for (const ParameterStore::Entry& entry : entries) {
      if (::fnmatch(pattern.c_str(), entry.name.c_str(), 0) != 0) continue;
      entry.parameter->frozen = true;
      any = true;
    }
    if (!any && !entries.empty()) {
      fail<ConfigError>("optim.freeze: no parameter fits {:?}; names look like {}", pattern,
                        entries.front().name);
    }
  }
  const bool left = std::any_of(entries.begin(), entries.end(),
                                [](const auto& entry) { return !entry.parameter->frozen; });
  if (!left) fail<ConfigError>("optim.freeze: every parameter is frozen, nothing is left to train");
}

}  // namespace tessera
