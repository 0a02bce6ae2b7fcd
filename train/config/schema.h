// All keys of a configuration. Reading, errors, writing and the documentation are derived from it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "train/config/keys.h"
#include "train/train_config.h"

namespace tessera {

/// A map of keys: `model`, `data.augment`.
struct Section {
  std::string path;
  std::string help;
  bool or_auto = false;  ///< the word `auto` may stand for the map, with all keys left as they are
  bool* on = nullptr;    ///< the word `none` may stand for the map: then this is false
};

struct Schema {
  std::vector<Section> sections;
  std::vector<Key> keys;  ///< those of a section stand together

  const Key* find_key(std::string_view path) const;
  const Section* find_section(std::string_view path) const;
};

/// The keys bound to `config`, which must outlive them.
Schema schema_of(Config& config);

/// What a key that is not given means: the initialisers of the structs, no data set, and `auto` for
/// `model.image_size`, `model.in_channels`, `model.num_classes`, `model.position` and
/// `model.patch_embed.edge`.
Config unset_config();

/// Appends them, bound to `config`.
void add_data_keys(Config& config, std::vector<Key>& keys);

/// Adds the keys bound to `model`, which must outlive them.
void add_model_keys(ModelConfig& model, std::vector<Key>& keys);

}  // namespace tessera
