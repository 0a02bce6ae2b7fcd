#include "formats/safetensors.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/text.h"
#include "tests/support/paths.h"
#include "tests/support/scratch_folder.h"

namespace tessera {
namespace {

using test::error_of;
using test::read_text;
using test::ScratchFolder;
using test::write_text;

/// A file with this header, unpadded, and this many zero bytes of data.
std::string encode(std::string_view header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes.append(header).append(data_bytes, '\0');
}

/// The error of reading `bytes`, without the path; empty if they are accepted.
std::string reading_error(const std::string& bytes) {
  const ScratchFolder folder;
  const auto path = folder / "x.safetensors";
  write_text(path, bytes);
  std::string text = error_of<CheckpointError>([&] { read_safetensors(path); });
  const std::string place = "[safetensors] " + path.string() + ": ";
  if (text.starts_with(place)) text.erase(0, place.size());
  CHECK(text.find('\n') == std::string::npos);
  return text;
}

template <typename T>
StoredTensor stored_of(const std::vector<T>& values, StoredType type) {
  return {"x", type, {static_cast<std::int64_t>(values.size())}, std::as_bytes(std::span(values))};
}

TEST_CASE("safetensors: tensors and metadata come back as they were written") {
  const ScratchFolder folder;
  const auto path = folder / "x.safetensors";
  const Tensor narrow =
      cast(Tensor::from({3}, std::vector<float>{1.0f, -2.0f, 0.5f}), DType::kBF16);
  const Tensor wide = Tensor::from({2, 2}, std::vector<float>{1.5f, -0.0f, 3e38f, 1e-40f});
  const Tensor labels = Tensor::from({2, 1}, std::vector<std::int32_t>{-7, 2147483647});
  const std::vector<NamedTensor> tensors{{"narrow \"\u00e9\"", narrow},
                                         {"wide", wide},
                                         {"labels", labels},
                                         {"scalar", Tensor::full({}, 4.0f)},
                                         {"nothing", Tensor::zeros({0, 5})}};
  write_safetensors(path, tensors, {{"b", "2\n"}, {"a", "1"}});

  const TensorFile file = read_safetensors(path);
  CHECK(file.metadata == std::map<std::string, std::string>{{"a", "1"}, {"b", "2\n"}});
  REQUIRE(file.tensors.size() == 5);
  CHECK(file.tensors.front().name == "wide");
  CHECK(file.tensors.back().name == "narrow \"\u00e9\"");
  for (const NamedTensor& named : tensors) {
    const StoredTensor& stored = file.at(named.name);
    const StoredTensor written = view_of(named.name, named.tensor);
    CHECK(stored.shape == written.shape);
    CHECK(stored.type == written.type);
    REQUIRE(stored.bytes.size() == written.bytes.size());
    CHECK(std::memcmp(stored.bytes.data(), written.bytes.data(), written.bytes.size()) == 0);
    const auto address = reinterpret_cast<std::uintptr_t>(stored.bytes.data());
    CHECK(address % size_of(stored.type) == 0);
  }
}

TEST_CASE("safetensors: the bytes are those of the format, and the same each time") {
  const ScratchFolder folder;
  const auto path = folder / "x.safetensors";
  const std::vector<NamedTensor> tensors{{"b", Tensor::full({1}, 1.0f)},
                                         {"a", Tensor::full({1, 2}, 0.0f)}};
  write_safetensors(path, tensors, {{"k", "v"}});
  std::string header =
      R"({"__metadata__":{"k":"v"},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
      R"("a":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]}})";
  while (header.size() % 8 != 0) header += ' ';
  std::string expected = encode(header, 12);
  expected.replace(expected.size() - 12, 4, std::string("\0\0\x80\x3f", 4));
  CHECK(read_text(path) == expected);
  write_safetensors(path, tensors, {{"k", "v"}});
  CHECK(read_text(path) == expected);
}

TEST_CASE("safetensors: a fixture written by the reference implementation is read") {
  const auto file = read_safetensors(test::fixture("swin_32.safetensors"));
  CHECK(file.metadata.at("family") == "torchvision");
  CHECK(file.f32("logits").shape() == Shape{3, 10});
  CHECK(file.f32("input").shape() == Shape{3, 3, 32, 32});
  const Tensor target = file.i32("target");
  REQUIRE(target.shape() == Shape{3});
  for (const std::int32_t label : target.span<std::int32_t>()) CHECK((label >= 0 && label < 10));
  CHECK(error_of<CheckpointError>([&] { file.f32("target"); }).find("\"target\" is I64") !=
        std::string::npos);
  CHECK(error_of<CheckpointError>([&] { file.i32("logits"); }).find("\"logits\" is F32") !=
        std::string::npos);
  CHECK(error_of<CheckpointError>([&] { file.f32("logit"); }).find("no tensor \"logit\"") !=
        std::string::npos);
}

TEST_CASE("safetensors: every type converts to f32 or i32 exactly or not at all") {
  const auto f32 = [](const StoredTensor& stored) {
    const auto span = to_f32(stored, "file").span();
    return std::vector<float>(span.begin(), span.end());
  };
  const auto i32 = [](const StoredTensor& stored) {
    const auto span = to_i32(stored, "file").span<std::int32_t>();
    return std::vector<std::int32_t>(span.begin(), span.end());
  };
  constexpr float kInf = std::numeric_limits<float>::infinity();
  // 1, -2, the largest, the smallest normal, the smallest, -0, infinities
  const std::vector<std::uint16_t> halves{0x3c00, 0xc000, 0x7bff, 0x0400,
                                          0x0001, 0x8000, 0x7c00, 0xfc00};
  CHECK(f32(stored_of(halves, StoredType::kF16)) ==
        std::vector<float>{1.0f, -2.0f, 65504.0f, 0x1p-14f, 0x1p-24f, -0.0f, kInf, -kInf});
  CHECK(std::isnan(f32(stored_of(std::vector<std::uint16_t>{0x7e01}, StoredType::kF16))[0]));
  CHECK(f32(stored_of(std::vector<std::uint16_t>{0x3fc0}, StoredType::kBF16)) ==
        std::vector<float>{1.5f});
  const std::vector<double> doubles{0.1, -kInf, 1e300};
  CHECK(f32(stored_of(std::vector<double>{0.1, -kInf}, StoredType::kF64)) ==
        std::vector<float>{0.1f, -kInf});
  CHECK(error_of<CheckpointError>([&] { f32(stored_of(doubles, StoredType::kF64)); }) ==
        "[weights] file: tensor \"x\": F64 value 1e+300 does not fit f32");

  CHECK(i32(stored_of(std::vector<std::int64_t>{-5, 2147483647}, StoredType::kI64)) ==
        std::vector<std::int32_t>{-5, 2147483647});
  CHECK(error_of<CheckpointError>([&] {
          i32(stored_of(std::vector<std::int64_t>{2147483648}, StoredType::kI64));
        }) == "[weights] file: tensor \"x\": I64 value 2147483648 does not fit i32");
  CHECK(i32(stored_of(std::vector<std::int16_t>{-300}, StoredType::kI16)) ==
        std::vector<std::int32_t>{-300});
  CHECK(i32(stored_of(std::vector<std::int8_t>{-3}, StoredType::kI8)) ==
        std::vector<std::int32_t>{-3});
  CHECK(i32(stored_of(std::vector<std::uint8_t>{200}, StoredType::kU8)) ==
        std::vector<std::int32_t>{200});
  CHECK(i32(stored_of(std::vector<std::uint8_t>{1}, StoredType::kBool)) ==
        std::vector<std::int32_t>{1});

  StoredTensor deep = stored_of(std::vector<float>{1.0f}, StoredType::kF32);
  deep.shape.assign(7, 1);
  CHECK(error_of<CheckpointError>([&] { f32(deep); }) ==
        "[weights] file: tensor \"x\" has 7 dimensions, the most is 6");
}

TEST_CASE("safetensors: files that must be accepted") {
  CHECK(reading_error(encode("{}", 0)) == "");
  CHECK(reading_error(encode("{}      ", 0)) == "");
  CHECK(reading_error(encode(R"({"a":{"dtype":"U8","shape":[0,9],"data_offsets":[0,0]}})", 0)) ==
        "");
  // In any order, of any type, of a high rank.
  CHECK(
      reading_error(encode(R"({"b":{"dtype":"F64","shape":[],"data_offsets":[2,10]},)"
                           R"("a":{"data_offsets":[0,2],"shape":[1,1,1,1,1,1,1,1],"dtype":"F16"}})",
                           10)) == "");
}

TEST_CASE("safetensors: malformed files are refused with what is wrong") {
  struct Case {
    std::string bytes;
    std::string error;
  };
  const auto entry = [](std::string_view shape, std::string_view offsets,
                        std::string_view dtype = "F32") {
    return fmt::format(R"({{"a":{{"dtype":"{}","shape":{},"data_offsets":{}}}}})", dtype, shape,
                       offsets);
  };
  const auto two = [](std::string_view first, std::string_view second) {
    return fmt::format(R"({{"a":{{"dtype":"U8","shape":[4],"data_offsets":{}}},)"
                       R"("b":{{"dtype":"U8","shape":[4],"data_offsets":{}}}}})",
                       first, second);
  };
  const std::string good = entry("[2]", "[0,8]");
  std::string lying = encode(good, 8);
  lying[4] = 1;
  std::string huge = encode(good, 8);
  huge[7] = '\x7f';

  const std::vector<Case> cases{
      {"", "0 bytes are too few"},
      {std::string(7, '\0'), "7 bytes are too few"},
      {std::string(8, '\0'), "does not begin with '{'"},
      {huge, "is above 100000000"},
      {lying, "is above 100000000"},
      {encode(good, 8).substr(0, 20), "in a file of 20: truncated?"},
      {encode(good, 7), "ends at byte 8 of the data, the file has 7"},
      {encode(good, 9), "1 trailing bytes"},
      {encode(" " + good, 8), "does not begin with '{'"},
      {encode("\xef\xbb\xbf" + good, 8), "does not begin with '{'"},
      {encode(good + "x", 8), "not UTF-8 JSON at byte"},
      {encode(good + std::string(1, '\0') + "x", 8), "not UTF-8 JSON at byte"},
      {encode(good.substr(0, good.size() - 1), 8), "not UTF-8 JSON at byte"},
      {encode("{\"\xff\":1}", 0), "not UTF-8 JSON at byte 3"},
      {encode("{\"\xc3\x28\":1}", 0), "not UTF-8 JSON at byte"},
      {encode("{\"\\ud800\":1}", 0), "not UTF-8 JSON at byte"},
      {encode(two("[0,4]", "[4,8]"), 8), ""},
      {encode(two("[0,4]", "[3,7]"), 7), "\"b\" begins at byte 3 of the data and overlaps"},
      {encode(two("[0,4]", "[0,4]"), 4), "\"b\" begins at byte 0 of the data and overlaps"},
      {encode(two("[0,4]", "[5,9]"), 9), "\"b\" begins at byte 5 of the data and leaves a hole"},
      {encode(two("[1,5]", "[5,9]"), 9), "\"a\" begins at byte 1 of the data and leaves a hole"},
      {encode(entry("[2]", "[0,7]"), 7), "F32 [2] takes 8 bytes, data_offsets are [0, 7]"},
      {encode(entry("[2]", "[0,8]", "BF16"), 8), "BF16 [2] takes 4 bytes"},
      {encode(entry("[2]", "[8,0]"), 8), "data_offsets are [8, 0]"},
      {encode(entry("[9223372036854775807,2]", "[0,8]"), 8), "overflows"},
      {encode(entry("[4294967296,4294967296,0]", "[0,0]"), 0), "overflows"},
      {encode(entry("[4611686018427387904]", "[0,0]"), 0), "overflows"},
      {encode(entry("[9223372036854775808]", "[0,8]"), 8), "too large"},
      {encode(entry("[99999999999999999999]", "[0,8]"), 8), "a fraction is not expected"},
      {encode(entry("[2.0]", "[0,8]"), 8), "a fraction is not expected"},
      {encode(entry("[-2]", "[0,8]"), 8), "a negative number is not expected"},
      {encode(entry("[[2]]", "[0,8]"), 8), "a list is not expected"},
      {encode(entry("[{}]", "[0,8]"), 8), "nested too deeply"},
      {encode(entry("[\"2\"]", "[0,8]"), 8), "a string is not expected"},
      {encode(entry("2", "[0,8]"), 8), "a number is not expected at key \"shape\""},
      {encode(entry("null", "[0,8]"), 8), "null is not expected"},
      {encode(entry("[2]", "[0]"), 8), "data_offsets has 1 numbers"},
      {encode(entry("[2]", "[0,4,8]"), 8), "data_offsets has 3 numbers"},
      {encode(entry("[2]", "[0,8]", "F8"), 8), "unknown dtype \"F8\""},
      {encode(entry("[2]", "[0,8]", "f32"), 8), "unknown dtype \"f32\""},
      {encode(R"({"a":{"dtype":"U8","shape":[0]}})", 0), "has keys [dtype, shape], expected"},
      {encode(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}})", 0),
       "a number is not expected at key \"x\""},
      {encode(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":"y"}})", 0),
       "a string is not expected at key \"x\""},
      {encode(R"({"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}})", 0),
       "\"a\": duplicate key \"dtype\""},
      {encode(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
              R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
              0),
       "duplicate name \"a\""},
      {encode(R"({"__metadata__":{"k":"v","k":"w"}})", 0), "duplicate key \"k\""},
      {encode(R"({"__metadata__":{"k":1}})", 0), "a number is not expected at key \"k\""},
      {encode(R"({"__metadata__":{"k":{}}})", 0), "nested too deeply"},
      {encode(R"({"__metadata__":{"shape":[1]}})", 0), "a list is not expected"},
      {encode(R"({"__metadata__":[]})", 0), "\"__metadata__\" is a list, expected an object"},
      {encode(R"({"a":true})", 0), "\"a\" is a boolean, expected an object"},
      {encode("[]", 0), "does not begin with '{'"},
  };
  for (const Case& malformed : cases) {
    const std::string error = reading_error(malformed.bytes);
    CAPTURE(malformed.error);
    CAPTURE(error);
    CHECK(error.empty() == malformed.error.empty());
    CHECK(error.find(malformed.error) != std::string::npos);
  }
}

TEST_CASE("safetensors: names of any bytes and length come as one short printable line") {
  const std::string shell = R"(\u001b]0;owned\u0007\n)";
  std::string many = "1";
  for (int i = 0; i < 100'000; ++i) many += ",1";
  for (const std::string& name : {shell, std::string(70'000, 'a')}) {
    for (const std::string& header :
         {"{\"" + name + "\":1}", "{\"a\":{\"" + name + "\":1}}",
          "{\"a\":{\"dtype\":\"" + name + "\"}}", "{\"a\":{\"shape\":[" + many + "]}}",
          "{\"" + name + "\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,1]}}"}) {
      const std::string error = reading_error(encode(header, 1));
      CAPTURE(error);
      CHECK(!error.empty());
      CHECK(is_printable(error));
      CHECK(error.size() < 900);
    }
  }
}

TEST_CASE("safetensors: a nest of a million lists is refused, not followed") {
  const std::string nest(1'000'000, '[');
  CHECK(reading_error(encode("{\"a\":" + nest, 0)).find("\"a\" is a list") != std::string::npos);
  std::string objects = "{";
  for (int i = 0; i < 100'000; ++i) objects += "\"a\":{";
  CHECK(reading_error(encode(objects, 0)).find("nested too deeply") != std::string::npos);
}

TEST_CASE("safetensors: no truncation of a good file is accepted") {
  const std::string good = read_text(test::fixture("swin_32.safetensors"));
  for (std::size_t length = 0; length < good.size(); length += length < 300 ? 1 : 9973) {
    CHECK(reading_error(good.substr(0, length)) != "");
  }
}

TEST_CASE("safetensors: what cannot be read or written says so") {
  const ScratchFolder folder;
  const auto error = [](const std::filesystem::path& path) {
    return error_of<CheckpointError>([&] { read_safetensors(path); });
  };
  CHECK(error(folder / "none").find("No such file or directory") != std::string::npos);
  CHECK(error(folder.path()).find("not a regular file") != std::string::npos);
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(error(folder / "pipe").find("not a regular file") != std::string::npos);

  const auto write = [&](const std::vector<NamedTensor>& tensors) {
    const auto path = folder / "x.safetensors";
    const std::string text = error_of<CheckpointError>([&] { write_safetensors(path, tensors); });
    CHECK(!std::filesystem::exists(path));
    return text;
  };
  const Tensor one = Tensor::full({1}, 1.0f);
  CHECK(write({{"a", one}, {"a", one}}).find("\"a\" is taken") != std::string::npos);
  CHECK(write({{"__metadata__", one}}).find("is taken") != std::string::npos);
  CHECK(write({{"\xff", one}}).find("not UTF-8") != std::string::npos);
}

}  // namespace
}  // namespace tessera
