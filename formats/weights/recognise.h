// What the names of a file's tensors are, and where among them those of a model stand.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "formats/weights/naming.h"

namespace tessera {

struct RecognisedNames {
  NameScheme scheme;
  std::string prefix;       ///< before the names of the backbone: `model.backbone.`
  std::string head_prefix;  ///< before those of the head: `model.`
};

/// Looks for the tensors that fit: of all places in the names and all namings (or `naming` alone)
/// those count after which most tensors of a model stand. Of several copies the averaged weights
/// are taken (a part of the prefix says ema, averaged, swa or teacher; in files of OpenMMLab's
/// trainer these are the plain ones), else the first. The prefix begins with `within`. nullopt
/// where there are no blocks of a known model.
std::optional<RecognisedNames> recognise_names(std::span<const std::string> names,
                                               std::optional<Naming> naming = std::nullopt,
                                               std::string_view within = "");

}  // namespace tessera
