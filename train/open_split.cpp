#include "train/open_split.h"

#include "core/error.h"
#include "data/open_dataset.h"

namespace tessera {

std::unique_ptr<Dataset> open_split(const Config& config, Split split) {
  if (!config.has_data) {
    fail<ConfigError>(
        "data.name is none: name a data set in the configuration or by --set data.name=NAME");
  }
  return open_dataset(config.data, split);
}

}  // namespace tessera
