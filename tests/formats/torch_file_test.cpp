#include "formats/torch_file.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "formats/read_weights.h"
#include "tests/formats/torch_archive.h"
#include "tests/support/paths.h"
#include "tests/support/scratch_folder.h"

namespace tessera {
namespace {

using test::bytes_of;
using test::dictionary_of;
using test::error_of;
using test::make_zip;
using test::tensor_code;
using test::torch_archive;

std::string error_of_archive(const std::string& archive) {
  return error_of<CheckpointError>([&] { parse_torch_file(bytes_of(archive), "f.pth"); });
}

std::string error_of_pickle(const std::string& pickle) {
  return error_of_archive(torch_archive(pickle));
}

std::vector<float> values(const Tensor& tensor) {
  return {tensor.span().begin(), tensor.span().end()};
}

TEST_CASE("torch file: every type and layout as PyTorch wrote it") {
  const TensorFile file = read_weights(test::fixture("torch_small.pth"));
  const auto f32 = [&](const char* name) { return file.f32(std::string("model.") + name); };
  const auto i32 = [&](const char* name) { return file.i32(std::string("model.") + name); };
  CHECK(f32("plain").shape() == Shape{2, 3, 4});
  CHECK(f32("plain").f32()[23] == 23.0f);
  const Tensor permuted = f32("permuted");
  REQUIRE(permuted.shape() == Shape{4, 2, 3});
  for (std::int64_t i = 0; i < 4; ++i) {
    for (std::int64_t j = 0; j < 2; ++j) {
      for (std::int64_t k = 0; k < 3; ++k) {
        CHECK(permuted.f32()[(i * 2 + j) * 3 + k] == static_cast<float>(j * 12 + k * 4 + i));
      }
    }
  }
  CHECK(f32("sliced").shape() == Shape{2, 2});
  CHECK(values(f32("sliced")) == std::vector<float>{16, 18, 20, 22});
  CHECK(values(f32("parameter")) == std::vector<float>{1.5f, -2.5f});
  CHECK(values(f32("half")) == std::vector<float>{0.5f, -65504.0f});
  CHECK(values(f32("bfloat")) == std::vector<float>{1.0f, -3.0f});
  CHECK(values(f32("double")) == std::vector<float>{0.1f});
  CHECK(file.at("model.long").type == StoredType::kI64);
  CHECK(i32("int").data<std::int32_t>()[0] == -7);
  CHECK(i32("byte").data<std::int32_t>()[0] == 255);
  CHECK(i32("bool").data<std::int32_t>()[0] == 1);
  CHECK(f32("scalar").rank() == 0);
  CHECK(f32("scalar").f32()[0] == 4.25f);
  CHECK(f32("empty").shape() == Shape{0, 3});
  CHECK(file.f32("optimizer.state.0.step").f32()[0] == 3.0f);
  CHECK(file.tensors.size() == 14);
  CHECK(file.tensors.front().name == "model.plain");
}

TEST_CASE("torch file: what it is shows in its content, and old files say how to save them again") {
  const std::string error =
      error_of<CheckpointError>([] { read_weights(test::fixture("torch_legacy.pth")); });
  CHECK(error.find("PyTorch before 1.6: save it again with python3 -c") != std::string::npos);
  CHECK(std::count(error.begin(), error.end(), '\n') == 0);
  CHECK(read_weights(test::fixture("swin_32.safetensors")).find("logits") != nullptr);
}

TEST_CASE("torch file: names of code are refused, whatever the instruction") {
  const std::string argument = test::text("touch /tmp/x");
  for (const std::string& code :
       {"cos\nsystem\n(" + argument + "tR", "cposix\nsystem\n(" + argument + "tR",
        test::text("os") + test::text("system") + "\x93(" + argument + "tR",
        "cbuiltins\neval\n(" + argument + "tR", std::string("ctorch\nload\n)R"),
        std::string("ctorch.nn\nLinear\n)R"), std::string("ccollections\nChainMap\n)R"),
        std::string("c__builtin__\ngetattr\n)R"), std::string("cnumpyx\nload\n)R"),
        std::string("csubprocess\nPopen\n)\x81"),
        std::string("cargparse\nArgumentParser\n)\x81")}) {
    CAPTURE(code);
    CHECK(error_of_pickle(dictionary_of(code)).find("only tensors in dictionaries are") !=
          std::string::npos);
  }
  // INST, OBJ, NEWOBJ_EX, EXT1, PERSID, DUP and POP are not instructions here.
  for (const char code : {'i', 'o', '\x92', '\x82', 'P', '2', '0'}) {
    CHECK(error_of_pickle(dictionary_of(std::string(1, code)))
              .find("is not one that PyTorch writes") != std::string::npos);
  }
}

TEST_CASE("torch file: the settings that training scripts save along are passed over") {
  // As argparse.Namespace(lr=1) and CfgNode({"MODEL": CfgNode()}) are pickled.
  const std::string settings = "cargparse\nNamespace\n)\x81}" + test::text("lr") + "K\1sb";
  const std::string node = "cyacs.config\nCfgNode\n)\x81";
  const std::string config = node + "(" + test::text("MODEL") + node + "}bu}b";
  const std::string code = std::string("\x80\x02}(") + test::text("args") + settings +
                           test::text("config") + config + test::text("w") + tensor_code({}) + "u.";
  const TensorFile file = parse_torch_file(bytes_of(torch_archive(code)), "f.pth");
  REQUIRE(file.tensors.size() == 1);
  CHECK(file.tensors[0].name == "w");
  // The names alone: no arguments, and attributes only for what has them.
  for (const std::string& wrong :
       {std::string("cargparse\nNamespace\n(K\1t\x81"), std::string("cargparse\nNamespace\n}b")}) {
    CAPTURE(wrong);
    CHECK(error_of_pickle(dictionary_of(wrong)).find("[pickle] f.pth: ") == 0);
  }
}

TEST_CASE("torch file: plain data beside the weights are passed over") {
  const std::string encoded = "c_codecs\nencode\n(" + test::text("ab") + "tR";
  for (const std::string& code : std::vector<std::string>{
           encoded, "\x8a\x09" + std::string(9, '\1'),
           std::string("\x8b\x0a\0\0\0", 5) + std::string(10, '\1'),
           "c__builtin__\nset\n(](K\1K\2etR", "\x8f(K\1\x90", "(K\1\x91",
           "cpathlib\nPosixPath\n(" + test::text("/") + "tR",
           "ctorch\ndevice\n(" + test::text("cpu") + "tR", "ctorch\nbfloat16\n",
           "ccollections\nCounter\n(}tR", "ccollections\ndefaultdict\n(c__builtin__\nlist\ntR",
           "ccollections\ndeque\n)R(K\1e", "cnumpy\ndtype\n(" + test::text("f8") + "tR(K\3Ntb",
           "cmmengine.logging.history_buffer\nHistoryBuffer\n)\x81}b"}) {
    CAPTURE(code);
    const std::string whole =
        "\x80\x02}(" + test::text("other") + code + test::text("w") + tensor_code({}) + "u.";
    const TensorFile file = parse_torch_file(bytes_of(torch_archive(whole)), "f.pth");
    REQUIRE(file.tensors.size() == 1);
    CHECK(file.tensors[0].name == "w");
  }
}

TEST_CASE("torch file: tensors in lists and tuples go by their place") {
  const std::string inner = "}" + test::text("w") + tensor_code({}) + "s";
  const TensorFile pair =
      parse_torch_file(bytes_of(torch_archive("\x80\x02(" + inner + "K\5t.")), "f.pth");
  REQUIRE(pair.tensors.size() == 1);
  CHECK(pair.tensors[0].name == "0.w");
  // Of other storages, as of complex numbers, there is nothing to read.
  const std::string complex = tensor_code({.type = "torch\nComplexFloatStorage\n"});
  CHECK(error_of_pickle(dictionary_of(complex)).find("holds no tensors") != std::string::npos);
}

TEST_CASE("torch file: a pickle that breaks off or breaks the stack") {
  const std::string whole = dictionary_of(tensor_code({}));
  CHECK(error_of_pickle(whole) == "");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(error_of_pickle(whole.substr(0, size)).find("[pickle] f.pth: ") == 0);
  }
  for (const std::string& code : std::vector<std::string>{
           std::string("."), std::string("s."), std::string("t."), std::string("u."),
           std::string("}(e."), std::string("](u."), std::string("}(Nu."), std::string("h\1."),
           std::string("Nb."), std::string("NNb."), std::string("NQ."), std::string("NNR."),
           std::string("(.", 2), "ctorch\nFloatStorage\n)R.", "ccollections\nOrderedDict\n(NtR.",
           std::string("X") + test::little(0xffffffff, 4),
           std::string("\x8d") + test::little(~0ull, 8)}) {
    CAPTURE(code);
    CHECK(error_of_pickle(code).find("[pickle] f.pth: ") == 0);
  }
  CHECK(error_of_pickle("N.").find("holds no tensors") != std::string::npos);
}

TEST_CASE("torch file: dictionaries in themselves end") {
  // d = {}; d["w"] = d
  CHECK(error_of_pickle(std::string("}q\1") + test::text("w") + "h\1s.")
            .find("dictionaries in each other") != std::string::npos);
  // Each level holds the one below under many names.
  std::string code = "}";
  for (int level = 0; level < 7; ++level) {
    const std::string put = std::string("q") + static_cast<char>(level);
    const std::string get = std::string("h") + static_cast<char>(level);
    code += put + "}(";
    for (int i = 0; i < 100; ++i) code += test::text(std::to_string(i)) + get;
    code += "u";
  }
  CHECK(error_of_pickle(code + ".").find("more than 100000 tensors") != std::string::npos);
}

TEST_CASE("torch file: tensors stay within their storage") {
  const auto error = [](const test::TensorCode& tensor) {
    return error_of_pickle(dictionary_of(tensor_code(tensor)));
  };
  CHECK(error({.offset = 1, .shape = {3}}) == "");
  CHECK(error({.shape = {2, 2}, .strides = {1, 2}}) == "");
  CHECK(error({.shape = {0, 1000000}, .strides = {1, 1}}) == "");
  const std::int64_t huge = std::int64_t{1} << 62;
  for (const test::TensorCode& tensor :
       {test::TensorCode{.offset = 1}, test::TensorCode{.offset = huge},
        test::TensorCode{.shape = {5}}, test::TensorCode{.shape = {2}, .strides = {4}},
        test::TensorCode{.shape = {5}, .strides = {0}},
        test::TensorCode{.shape = {huge, 4}, .strides = {0, 0}},
        test::TensorCode{.shape = {3}, .strides = {huge}}}) {
    CHECK(error(tensor).find("reach out of its 4 elements") != std::string::npos);
  }
  CHECK(error({.elements = 5}).find("has 16 bytes, expected 5 F32") != std::string::npos);
  CHECK(error({.type = "torch\nDoubleStorage\n"}).find("expected 4 F64") != std::string::npos);
  CHECK(error({.offset = -1}).find("not a number >= 0") != std::string::npos);
  CHECK(error({.shape = {-4}}).find("not a number >= 0") != std::string::npos);
  CHECK(error({.strides = {-1}}).find("not a number >= 0") != std::string::npos);
  CHECK(error({.shape = {2, 2}}).find("strides do not fit") != std::string::npos);
  CHECK(error({.shape = std::vector<std::int64_t>(9, 1)}).find("at most 8") != std::string::npos);
  CHECK(error({.storage = "1"}).find("no entry \"a/data/1\"") != std::string::npos);
  CHECK(error({.storage = "../data.pkl"}).find("no entry") != std::string::npos);
}

TEST_CASE("torch file: views that would fill the memory are refused") {
  std::string code = "\x80\x02}(";
  for (int i = 0; i < 2000; ++i) {
    code += test::text(std::to_string(i)) +
            (i == 0 ? tensor_code({.shape = {2, 2}, .strides = {1, 2}}) + "q\1" : "h\1");
  }
  CHECK(error_of_pickle(code + "u.").find("more bytes than the file has") != std::string::npos);
}

TEST_CASE("torch file: damaged archives") {
  const std::string good = torch_archive(dictionary_of(tensor_code({})));
  CHECK(error_of_archive(good) == "");
  CHECK(error_of_archive(good + "x") != "");
  for (std::size_t size = 4; size < good.size(); ++size) {
    CHECK(error_of_archive(good.substr(0, size)) != "");
  }
  std::string flipped = good;
  flipped[flipped.find("FloatStorage")] = 'f';
  CHECK(error_of_archive(flipped).find("damaged?") != std::string::npos);
  CHECK(error_of_archive(make_zip({{"a/other", "x"}})).find("not written by torch.save") !=
        std::string::npos);
  const std::string pickle = dictionary_of(tensor_code({}));
  const std::string data(16, '\0');
  CHECK(error_of_archive(make_zip({{"a/data.pkl", pickle, 8}, {"a/data/0", data}}))
            .find("is compressed") != std::string::npos);
  CHECK(error_of_archive(make_zip({{"a/data.pkl", pickle, 0, 1}, {"a/data/0", data}}))
            .find("is encrypted") != std::string::npos);
  CHECK(error_of_archive(make_zip({{"a/data.pkl", pickle}, {"a/data.pkl", pickle}}))
            .find("occurs twice") != std::string::npos);
  CHECK(error_of_archive(
            make_zip({{"a/data.pkl", pickle}, {"a/data/0", data}, {"a/byteorder", "big"}}))
            .find("byte order \"big\"") != std::string::npos);
  const std::string twice = std::string("\x80\x02}(") + test::text("w") + tensor_code({}) +
                            test::text("w") + tensor_code({}) + "u.";
  CHECK(error_of_pickle(twice).find("two tensors are named \"w\"") != std::string::npos);
}

TEST_CASE("torch file: no byte changed at random gets past the checks unseen or breaks out") {
  std::string archive = test::read_text(test::fixture("torch_small.pth"));
  int refused = 0;
  for (std::size_t i = 0; i < archive.size(); ++i) {
    const char old = archive[i];
    archive[i] = static_cast<char>(old ^ static_cast<char>(1 + i % 255));
    refused += error_of_archive(archive).empty() ? 0 : 1;
    archive[i] = old;
  }
  CHECK(refused > 1000);
}

}  // namespace
}  // namespace tessera
