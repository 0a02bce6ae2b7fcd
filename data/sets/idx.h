// MNIST and Fashion-MNIST (arXiv:1708.07747) from IDX files, plain or gzip.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/array_dataset.h"

namespace tessera {

/// An IDX array of unsigned bytes: two zero bytes, 0x08, the rank, big-endian u32 sizes, elements.
struct IdxArray {
  std::vector<std::int64_t> dims;
  std::vector<std::uint8_t> data;
};

/// Throws DataError if the file is not an IDX array of bytes with `rank` dimensions or its length
/// is not what the header says.
IdxArray read_idx(const std::filesystem::path& path, int rank);

/// One split of MNIST or Fashion-MNIST: `{train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz]`.
/// Throws DataError.
std::unique_ptr<ArrayDataset> open_mnist(DatasetName name, const std::string& root, Split split);

}  // namespace tessera
