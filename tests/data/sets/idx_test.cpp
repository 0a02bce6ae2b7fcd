#include "data/sets/idx.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "data/open_dataset.h"
#include "tests/data/files.h"

namespace tessera {
namespace {

using namespace testing;

constexpr std::uint32_t kSamples = 12;

Bytes pixels() {
  Bytes bytes(kSamples * 28 * 28);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 % 253);
  return bytes;
}

Bytes labels() {
  Bytes bytes(kSamples);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i % 10);
  return bytes;
}

/// A folder with a test split that is right, to be broken by one test each.
struct Files : TempFolder {
  std::filesystem::path images = *this / "t10k-images-idx3-ubyte";
  std::filesystem::path labels_file = *this / "t10k-labels-idx1-ubyte";
  Files() {
    write_file(images, idx_bytes({kSamples, 28, 28}, pixels()));
    write_file(labels_file, idx_bytes({kSamples}, labels()));
  }
  std::string error() const {
    return message_of<DataError>([&] { open_mnist(DatasetName::kMnist, string(), Split::kTest); });
  }
};

TEST_CASE("idx: plain and gzip files give the same samples") {
  Files plain;
  TempFolder packed;
  write_gzip(packed / "t10k-images-idx3-ubyte.gz", idx_bytes({kSamples, 28, 28}, pixels()));
  write_gzip(packed / "t10k-labels-idx1-ubyte.gz", idx_bytes({kSamples}, labels()));
  const Bytes expected = pixels();
  for (const std::string& root : {plain.string(), packed.string()}) {
    const auto dataset = open_mnist(DatasetName::kFashionMnist, root, Split::kTest);
    REQUIRE(dataset->size() == kSamples);
    CHECK(dataset->name() == "fashion_mnist");
    CHECK(dataset->image() == ImageShape{28, 28, 1});
    CHECK(dataset->class_names()[9] == "Ankle boot");
    for (std::int64_t i = 0; i < dataset->size(); ++i) {
      CHECK(dataset->label(i) == i % 10);
      const auto sample = dataset->pixels(i);
      CHECK(std::equal(sample.begin(), sample.end(), expected.begin() + i * 28 * 28,
                       expected.begin() + (i + 1) * 28 * 28));
    }
  }
}

TEST_CASE("idx: torchvision's folder and a limit on samples") {
  TempFolder root;
  const std::filesystem::path raw = root / "FashionMNIST/raw";
  std::filesystem::create_directories(raw);
  write_file(raw / "train-images-idx3-ubyte", idx_bytes({kSamples, 28, 28}, pixels()));
  write_file(raw / "train-labels-idx1-ubyte", idx_bytes({kSamples}, labels()));
  DataConfig config;
  config.root = root.string();
  CHECK(open_dataset(config, Split::kTrain)->size() == kSamples);
  config.train_samples = 5;
  CHECK(open_dataset(config, Split::kTrain)->size() == 5);
  config.train_samples = kSamples + 1;
  CHECK(contains(message_of<DataError>([&] { open_dataset(config, Split::kTrain); }),
                 "13 samples asked for, the data set has 12"));
}

TEST_CASE("idx: a missing data set says what to do") {
  TempFolder empty;
  DataConfig config;
  config.root = empty.string();
  const std::string message = message_of<DataError>([&] { open_dataset(config, Split::kTrain); });
  CHECK(contains(message, "train-images-idx3-ubyte"));
  CHECK(contains(message, empty.string()));
  CHECK(contains(message, "apt-get install dataset-fashion-mnist"));
  Files files;
  std::filesystem::remove(files.labels_file);
  CHECK(contains(files.error(), "t10k-labels-idx1-ubyte: No such file"));
}

TEST_CASE("idx: truncated and overlong files") {
  Files files;
  Bytes bytes = idx_bytes({kSamples, 28, 28}, pixels());
  const std::string right = std::to_string(bytes.size());
  SUBCASE("short by one byte") {
    bytes.pop_back();
    write_file(files.images, bytes);
    CHECK(contains(files.error(), right + " bytes expected (16 + 12 x 28 x 28), found 9423"));
  }
  SUBCASE("long by one byte") {
    bytes.push_back(0);
    write_file(files.images, bytes);
    CHECK(contains(files.error(), "found 9425"));
  }
  SUBCASE("header cut") {
    bytes.resize(15);
    write_file(files.images, bytes);
    CHECK(contains(files.error(), "15 bytes, the header alone has 16"));
  }
  SUBCASE("empty") {
    write_file(files.images, {});
    CHECK(contains(files.error(), "0 bytes, the header alone has 16"));
  }
}

TEST_CASE("idx: broken gzip") {
  Files files;
  std::filesystem::remove(files.images);
  const std::filesystem::path packed = files / "t10k-images-idx3-ubyte.gz";
  write_gzip(packed, idx_bytes({kSamples, 28, 28}, pixels()));
  Bytes bytes = bytes_of(packed);
  REQUIRE(files.error() == "nothing thrown");
  SUBCASE("truncated") {
    for (const std::size_t cut : {std::size_t{1}, std::size_t{5}, bytes.size() / 2}) {
      Bytes part = bytes;
      part.resize(bytes.size() - cut);
      write_file(packed, part);
      CHECK(contains(files.error(), "broken gzip: unexpected end of file"));
    }
  }
  SUBCASE("one changed byte in the checksum") {
    bytes[bytes.size() - 6] ^= 1;
    write_file(packed, bytes);
    CHECK(contains(files.error(), "broken gzip: "));
  }
  SUBCASE("one changed byte in the data") {
    bytes[bytes.size() / 2] ^= 0x10;
    write_file(packed, bytes);
    CHECK(files.error() != "nothing thrown");
  }
}

TEST_CASE("idx: headers that cannot be") {
  Files files;
  SUBCASE("labels given as images") {
    write_file(files.images, idx_bytes({kSamples}, Bytes(kSamples)));
    CHECK(contains(files.error(), "starts with 0x00000801, expected 0x00000803"));
  }
  SUBCASE("floats") {
    Bytes bytes = idx_bytes({kSamples, 28, 28}, pixels());
    bytes[2] = 0x0d;
    write_file(files.images, bytes);
    CHECK(contains(files.error(), "0x00000d03"));
  }
  SUBCASE("a product beyond 64 bits") {
    write_file(files.images, idx_bytes({0xffffffffu, 0xffffffffu, 0xffffffffu}, {1, 2, 3}));
    CHECK(contains(files.error(), "dimension 0 is 4294967295"));
  }
  SUBCASE("no images") {
    write_file(files.images, idx_bytes({0, 28, 28}, {}));
    CHECK(contains(files.error(), "dimension 0 is 0"));
  }
  SUBCASE("other sides") {
    write_file(files.images, idx_bytes({3, 56, 56}, Bytes(3 * 56 * 56)));
    CHECK(contains(files.error(), "images of 56 x 56, expected 28 x 28"));
  }
}

TEST_CASE("idx: labels that do not fit") {
  Files files;
  SUBCASE("another count") {
    write_file(files.labels_file, idx_bytes({kSamples - 1}, Bytes(kSamples - 1)));
    CHECK(contains(files.error(), "12 images, but 11 labels in t10k-labels-idx1-ubyte"));
  }
  SUBCASE("out of range") {
    Bytes wrong = labels();
    wrong[4] = 10;
    write_file(files.labels_file, idx_bytes({kSamples}, wrong));
    CHECK(contains(files.error(), "label 10 of sample 4 is not below 10"));
  }
}

}  // namespace
}  // namespace tessera
