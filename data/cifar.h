// CIFAR-10 and CIFAR-100 in their binary layout (Krizhevsky 2009).
#pragma once

#include <memory>
#include <string>

#include "data/dataset.h"

namespace tessera {

/// One split: `data_batch_{1..5}.bin` or `test_batch.bin` of CIFAR-10, `train.bin` or `test.bin` of
/// CIFAR-100 (its 100 fine classes). Class names are read from `batches.meta.txt` or
/// `fine_label_names.txt` where present. Throws DataError.
std::unique_ptr<ArrayDataset> open_cifar(DatasetName name, const std::string& root, Split split);

}  // namespace tessera
