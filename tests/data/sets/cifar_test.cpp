#include "data/sets/cifar.h"

#include <doctest/doctest.h>

#include "tests/data/files.h"

namespace tessera {
namespace {

using namespace testing;

constexpr std::size_t kRecords = 10000;

/// Records whose pixel (y, x) of sample i is (i, y, x), all modulo 256.
Bytes records(std::size_t label_bytes, int classes) {
  Bytes bytes;
  bytes.reserve(kRecords * (label_bytes + 3072));
  for (std::size_t i = 0; i < kRecords; ++i) {
    if (label_bytes == 2) bytes.push_back(19);  // the coarse label
    bytes.push_back(static_cast<std::uint8_t>(i % static_cast<std::size_t>(classes)));
    for (std::size_t p = 0; p < 1024; ++p) bytes.push_back(static_cast<std::uint8_t>(i));
    for (std::size_t p = 0; p < 1024; ++p) bytes.push_back(static_cast<std::uint8_t>(p / 32));
    for (std::size_t p = 0; p < 1024; ++p) bytes.push_back(static_cast<std::uint8_t>(p % 32));
  }
  return bytes;
}

void check_samples(const ArrayDataset& dataset, int classes) {
  REQUIRE(dataset.size() == 10000);
  for (const std::int64_t i : {std::int64_t{0}, std::int64_t{1}, std::int64_t{9999}}) {
    CHECK(dataset.label(i) == i % classes);
    const auto pixels = dataset.pixels(i);
    bool right = true;
    for (std::size_t p = 0; p < 1024; ++p) {
      right = right && pixels[3 * p] == static_cast<std::uint8_t>(i) &&
              pixels[3 * p + 1] == p / 32 && pixels[3 * p + 2] == p % 32;
    }
    CHECK(right);
  }
}

std::string error_of(DatasetName name, const TempFolder& folder) {
  return message_of<DataError>([&] { open_cifar(name, folder.string(), Split::kTest); });
}

TEST_CASE("cifar10: planes become channels, class names come from the file") {
  TempFolder root;
  const std::filesystem::path folder = root / "cifar-10-batches-bin";
  std::filesystem::create_directories(folder);
  Bytes bytes = records(1, 10);
  REQUIRE(bytes.size() == 30730000);
  write_file(folder / "test_batch.bin", bytes);
  auto dataset = open_cifar(DatasetName::kCifar10, root.string(), Split::kTest);
  check_samples(*dataset, 10);
  CHECK(dataset->class_names()[0] == "airplane");

  write_file(folder / "batches.meta.txt",
             {'a',  '\r', '\n', 'b', '\n', 'c', '\n', 'd', '\n', 'e',  '\n', 'f',
              '\n', 'g',  '\n', 'h', '\n', 'i', '\n', 'j', 'j',  '\n', '\n'});
  dataset = open_cifar(DatasetName::kCifar10, root.string(), Split::kTest);
  CHECK(dataset->class_names().front() == "a");
  CHECK(dataset->class_names().back() == "jj");
  write_file(folder / "batches.meta.txt", {'a', '\n', 'b', '\n'});
  CHECK(contains(error_of(DatasetName::kCifar10, root), "2 class names, expected 10"));
  std::filesystem::remove(folder / "batches.meta.txt");

  bytes[3073 * 7] = 10;
  write_file(folder / "test_batch.bin", bytes);
  CHECK(contains(error_of(DatasetName::kCifar10, root), "label 10 of record 7 is not below 10"));
}

TEST_CASE("cifar100: the fine label counts") {
  TempFolder root;
  write_file(root / "test.bin", records(2, 100));
  check_samples(*open_cifar(DatasetName::kCifar100, root.string(), Split::kTest), 100);
}

TEST_CASE("cifar: truncated and missing files") {
  TempFolder root;
  CHECK(contains(error_of(DatasetName::kCifar10, root), "cifar-10-binary.tar.gz"));
  write_file(root / "test_batch.bin", Bytes(1000));
  CHECK(contains(error_of(DatasetName::kCifar10, root),
                 "30730000 bytes expected (10000 records of 3073), found 1000"));
  write_file(root / "test_batch.bin", Bytes(30730001));
  CHECK(contains(error_of(DatasetName::kCifar10, root), "found 30730001"));
  write_file(root / "data_batch_1.bin", Bytes(30730000));
  const std::string message = message_of<DataError>(
      [&] { open_cifar(DatasetName::kCifar10, root.string(), Split::kTrain); });
  CHECK(contains(message, "data_batch_2.bin: No such file"));
}

}  // namespace
}  // namespace tessera
