#include "train/open_split.h"

#include "core/error.h"
#include "data/hold_out.h"
#include "data/open_dataset.h"

namespace tessera {

std::unique_ptr<Dataset> open_split(const Config& config, Split split) {
  if (!config.has_data) {
    fail<ConfigError>(
        "data.name is none: name a data set in the configuration or by --set data.name=NAME");
  }
  return open_dataset(config.data, split);
}

std::string validation_notice(const Config& config) {
  try {
    if (!config.has_data || !validates_on_test(config.data)) return "";
  } catch (const DataError&) {
    return "";
  }
  if (holds_out(config.data)) {
    return "val and test are the same images here, held out of training: the best checkpoint is "
           "chosen on the images it is tested on; only images of a test split would be new to it";
  }
  return "val is the test split here: the best checkpoint is chosen on the images it is tested on; "
         "data.val_split holds out training images instead";
}

}  // namespace tessera
