// CIFAR-10 and CIFAR-100 in their binary layout (Krizhevsky 2009).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/array_dataset.h"

namespace tessera {

/// A record is `label_bytes` labels, the last of which counts, and planes R, G, B of 32 x 32.
struct CifarRecords {
  std::size_t count = 0;
  std::size_t label_bytes = 1;
  std::int64_t num_classes = 0;
};

/// Adds the images of a file, [count, 32, 32, 3], and their labels. Throws DataError if the file
/// has another length or a label is not a class.
void append_cifar(std::span<const std::uint8_t> bytes, std::string_view file,
                  const CifarRecords& records, std::vector<std::uint8_t>& pixels,
                  std::vector<std::uint8_t>& labels);

/// The lines of a file that are not empty. Throws DataError if they are not `expected`.
std::vector<std::string> parse_class_names(std::span<const std::uint8_t> bytes,
                                           std::string_view file, std::int64_t expected);

/// Of the fine classes of CIFAR-100.
std::vector<std::string> cifar100_class_names();

/// One split: `data_batch_{1..5}.bin` or `test_batch.bin` of CIFAR-10, `train.bin` or `test.bin` of
/// CIFAR-100 (its 100 fine classes). Class names are read from `batches.meta.txt` or
/// `fine_label_names.txt` where present. Throws DataError.
std::unique_ptr<ArrayDataset> open_cifar(DatasetName name, const std::string& root, Split split);

}  // namespace tessera
