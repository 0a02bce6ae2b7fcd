#include "formats/weights/load_weights.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/error.h"
#include "formats/safetensors.h"
#include "tests/support/paths.h"
#include "tests/support/scratch_folder.h"

namespace tessera {
namespace {

using test::error_of;
using test::ScratchFolder;
using Status = LoadReport::Status;

const std::string kFixture = test::fixture("swin_32.safetensors");

/// Zero tensors under Tessera's names for all parameters of a fixture.
std::vector<NamedTensor> blank_model(const TensorFile& file, Naming naming) {
  std::vector<NamedTensor> model;
  for (const StoredTensor& stored : file.tensors) {
    if (!stored.name.starts_with("param/") || is_buffer(stored.name)) continue;
    model.push_back({to_tessera(stored.name.substr(6), {naming}).value().name,
                     Tensor::zeros(shape_of(stored, file.path))});
  }
  return model;
}

Tensor& find(std::vector<NamedTensor>& model, std::string_view name) {
  for (NamedTensor& named : model) {
    if (named.name == name) return named.tensor;
  }
  FAIL("no parameter ", name);
  return model.front().tensor;
}

bool all_zero(const std::vector<NamedTensor>& model) {
  for (const NamedTensor& named : model) {
    for (const float value : named.tensor.span()) {
      if (value != 0.0f) return false;
    }
  }
  return true;
}

bool same_values(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::equal(a.f32(), a.f32() + a.numel(), b.f32());
}

TEST_CASE("load_weights: fixtures of every framework load under their own prefix") {
  for (const auto& [name, naming] :
       {std::pair{"swin_32", Naming::kTorchvision}, std::pair{"timm_swin_32", Naming::kTimm},
        std::pair{"official_swin_32", Naming::kOfficial}}) {
    CAPTURE(name);
    const auto file = read_safetensors(test::fixture(name + std::string(".safetensors")));
    auto model = blank_model(file, naming);
    const LoadReport report = load_weights(file, model);
    CHECK(report.naming == naming);
    CHECK(report.prefix == "param/");
    CHECK(report.count(Status::kLoaded) == model.size());
    CHECK(report.lines.size() == model.size());
    for (const NamedTensor& named : model) {
      const std::string theirs = "param/" + from_tessera(named.name, {naming}).at(0).name;
      CHECK(same_values(named.tensor, file.f32(theirs)));
    }
  }
}

TEST_CASE("load_weights: a model that does not fit is reported in full and left alone") {
  const auto file = read_safetensors(kFixture);
  auto model = blank_model(file, Naming::kTorchvision);
  find(model, "head.weight") = Tensor::zeros({4, 32});
  model.push_back({"stages.7.extra", Tensor::zeros({3})});
  model.erase(model.begin());
  const std::string error = error_of<CheckpointError>([&] { load_weights(file, model); });
  CHECK(error ==
        fmt::format("[load_weights] {} (torchvision names) does not fit the model: 1 missing, "
                    "1 unexpected, 1 of another shape\n"
                    "  missing stages.7.extra: not in the file, model [3]\n"
                    "  unexpected param/features.0.0.weight: file [16, 3, 2, 2], not in the model\n"
                    "  of another shape head.weight: file [10, 32], model [4, 32]\n"
                    "  another number of classes: allow_missing head.* starts a new head",
                    kFixture));
  CHECK(all_zero(model));
  // Another width is no other number of classes.
  find(model, "stages.0.blocks.0.norm1.weight") = Tensor::zeros({3});
  CHECK(error_of<CheckpointError>([&] {
          load_weights(file, model);
        }).find("another number of classes") == std::string::npos);
  find(model, "stages.0.blocks.0.norm1.weight") =
      Tensor::zeros(file.f32("param/features.1.0.norm1.weight").shape());

  const LoadReport report = load_weights(file, model, {.allow_missing = {"*"}});
  CHECK(report.count(Status::kMissing) == 1);
  CHECK(report.count(Status::kUnexpected) == 1);
  CHECK(report.count(Status::kShapeMismatch) == 1);
  CHECK(report.count(Status::kLoaded) == model.size() - 2);
  CHECK(same_values(find(model, "head.bias"), file.f32("param/head.bias")));
  CHECK(find(model, "head.weight").f32()[0] == 0.0f);
}

TEST_CASE("load_weights: loading nothing is an error even if all may be missing") {
  const auto file = read_safetensors(kFixture);
  const std::vector<NamedTensor> model{{"something", Tensor::zeros({3})}};
  const std::string error =
      error_of<CheckpointError>([&] { load_weights(file, model, {.allow_missing = {"*"}}); });
  CHECK(error.find("missing something: not in the file, model [3]") != std::string::npos);
}

TEST_CASE("load_weights: the prefix can be given, and foreign files are refused") {
  const auto file = read_safetensors(test::fixture("swin_train_sgd.safetensors"));
  auto model = blank_model(file, Naming::kTorchvision);
  load_weights(file, model, {.prefix = "final/"});
  CHECK(same_values(find(model, "norm.weight"), file.f32("final/norm.weight")));
  CHECK(!same_values(find(model, "norm.weight"), file.f32("param/norm.weight")));
  CHECK(error_of<CheckpointError>([&] {
          load_weights(file, model, {.prefix = "x/"});
        }).find("names are not those of a Swin Transformer") != std::string::npos);
}

TEST_CASE("load_weights: converted and written weights come back, in any naming and type") {
  const ScratchFolder folder;
  const auto file = read_safetensors(kFixture);
  auto model = blank_model(file, Naming::kTorchvision);
  load_weights(file, model);
  for (const Naming naming : {Naming::kTessera, Naming::kTorchvision, Naming::kTimm,
                              Naming::kOfficial, Naming::kOpenMmlab, Naming::kHuggingFace}) {
    const auto path = folder / name_of(naming);
    write_safetensors(path, rename_tensors(model, naming));
    auto copy = blank_model(file, Naming::kTorchvision);
    CHECK(load_weights(read_safetensors(path), copy).naming == naming);
    for (std::size_t i = 0; i < model.size(); ++i) {
      CHECK(same_values(model[i].tensor, copy[i].tensor));
    }
  }
  auto narrow = model;
  for (NamedTensor& named : narrow) named.tensor = cast(named.tensor, DType::kBF16);
  write_safetensors(folder / "bf16", narrow);
  auto copy = blank_model(file, Naming::kTorchvision);
  load_weights(read_safetensors(folder / "bf16"), copy);
  CHECK(same_values(find(copy, "norm.weight"), cast(find(narrow, "norm.weight"), DType::kF32)));
}

TEST_CASE("load_weights: metadata names the naming where the names cannot") {
  const ScratchFolder folder;
  const std::vector<NamedTensor> saved{{"x.weight", Tensor::full({2}, 3.0f)}};
  const std::vector<NamedTensor> model{{"x.weight", Tensor::zeros({2})}};
  write_safetensors(folder / "plain", saved);
  CHECK_THROWS_AS(load_weights(read_safetensors(folder / "plain"), model), CheckpointError);
  write_safetensors(folder / "named", saved, {{"naming", "tessera"}});
  load_weights(read_safetensors(folder / "named"), model);
  CHECK(model[0].tensor.f32()[1] == 3.0f);
}

TEST_CASE("load_weights: a name that two tensors of the file mean is reported") {
  const ScratchFolder folder;
  const Tensor one = Tensor::full({1}, 1.0f);
  const std::vector<NamedTensor> twice{{"features.1.0.mlp.0.bias", one},
                                       {"features.1.0.mlp.fc1.bias", one}};
  write_safetensors(folder / "x", twice);
  const std::vector<NamedTensor> model{{"stages.0.blocks.0.mlp.fc1.bias", Tensor::zeros({1})}};
  CHECK(error_of<CheckpointError>([&] {
          load_weights(read_safetensors(folder / "x"), model);
        }).find("unexpected features.1.0.mlp.fc1.bias") != std::string::npos);
}

TEST_CASE("rename_tensors: prefixes, and refuses what the other framework lacks") {
  const std::vector<NamedTensor> tensors{{"head.weight", Tensor::zeros({1})}};
  CHECK(rename_tensors(tensors, Naming::kTimm, "grad/")[0].name == "grad/head.fc.weight");
  const std::vector<NamedTensor> odd{{"patch_embed.stem.weight", Tensor::zeros({1})}};
  CHECK(error_of<CheckpointError>([&] { rename_tensors(odd, Naming::kTorchvision); }) ==
        "[weights] \"patch_embed.stem.weight\" has no name among those of torchvision");
}

TEST_CASE("restore_tensors: exact names, shapes and types, or nothing") {
  const ScratchFolder folder;
  const std::vector<NamedTensor> saved{
      {"moment", Tensor::full({2, 2}, 0.25f)},
      {"counter", Tensor::from({1}, std::vector<std::int32_t>{42})}};
  write_safetensors(folder / "state", saved);
  const auto file = read_safetensors(folder / "state");
  const Tensor moment = Tensor::zeros({2, 2});
  const Tensor counter = Tensor::zeros({1}, DType::kI32);
  const auto restore = [&](const Tensor& second, const char* name = "counter") {
    const std::vector<NamedTensor> targets{{"moment", moment}, {name, second}};
    return error_of<CheckpointError>([&] { restore_tensors(file, targets); });
  };
  CHECK(restore(counter, "missing").find("no tensor \"missing\"") != std::string::npos);
  CHECK(restore(Tensor::zeros({1})).find("\"counter\" is I32 [1], expected F32 [1]") !=
        std::string::npos);
  CHECK(restore(Tensor::zeros({2}, DType::kI32)).find("I32 [1], expected I32 [2]") !=
        std::string::npos);
  CHECK(moment.f32()[0] == 0.0f);
  CHECK(restore(counter) == "");
  CHECK(moment.f32()[3] == 0.25f);
  CHECK(counter.data<std::int32_t>()[0] == 42);
}

/// Two parameters, enough for a store.
struct TwoParameters {
  Parameter weight{Shape{2, 3}, Init::ones(), true};
  Parameter bias{Shape{3}, Init::zeros(), false};
  void visit(ParameterVisitor& visitor) {
    visitor("weight", weight);
    visitor("bias", bias);
  }
};

TEST_CASE("named_values and named_gradients: handles on a store's memory") {
  TwoParameters layer;
  ParameterStore store(layer);
  const auto values = named_values(store);
  const auto gradients = named_gradients(store);
  REQUIRE(values.size() == 2);
  CHECK(values[0].name == "weight");
  CHECK(values[1].tensor.f32() == layer.bias.value.f32());
  CHECK(gradients[1].tensor.f32() == layer.bias.grad.f32());
}

TEST_CASE("named_values: buffers of layers follow the parameters and come back from a file") {
  struct Normed {
    Parameter weight{Shape{2}, Init::ones(), true};
    Buffer mean{Shape{2}};
    void visit(ParameterVisitor& visitor) {
      visitor("running_mean", mean);
      visitor("weight", weight);
    }
  };
  Normed saved, loaded;
  ParameterStore from(saved), to(loaded);
  saved.mean.value.f32()[1] = 3.5f;
  const auto values = named_values(from);
  REQUIRE(values.size() == 2);
  CHECK(values[1].name == "running_mean");
  CHECK(named_gradients(from).size() == 1);
  const ScratchFolder folder;
  write_safetensors(folder / "model.safetensors", values);
  restore_tensors(read_safetensors(folder / "model.safetensors"), named_values(to));
  CHECK(loaded.mean.value.f32()[1] == 3.5f);
}

TEST_CASE("load_weights: Swin v2's query and value biases make one with a zero key third") {
  const auto official = read_safetensors(test::fixture("official_swin_v2_32.safetensors"));
  const auto timm = read_safetensors(test::fixture("timm_swin_v2_32.safetensors"));
  const auto torchvision = read_safetensors(test::fixture("swin_v2_32.safetensors"));
  for (const TensorFile* file : {&official, &timm, &torchvision}) {
    const Translation translation = translate(*file);
    CAPTURE(name_of(translation.scheme.naming));
    CHECK(translation.other.empty());
    std::size_t biases = 0;
    for (const auto& [tensor, stored_name] : translation.parameters) {
      CHECK_FALSE(tensor.name.ends_with("q_bias"));
      CHECK_FALSE(tensor.name.ends_with("v_bias"));
      if (!tensor.name.ends_with("attn.qkv.bias")) continue;
      ++biases;
      const Tensor bias = to_f32(tensor, file->path);
      const std::int64_t third = bias.numel() / 3;
      bool query = false, key = false, value = false;
      for (std::int64_t i = 0; i < third; ++i) {
        query |= bias.f32()[i] != 0.0f;
        key |= bias.f32()[third + i] != 0.0f;
        value |= bias.f32()[2 * third + i] != 0.0f;
      }
      CHECK(query);
      CHECK_FALSE(key);
      CHECK(value);
    }
    CHECK(biases == 4);
  }
}

TEST_CASE("translate: the merges and the backbone of OpenMMLab are those of the official code") {
  const auto theirs = read_safetensors(test::fixture("mmseg_upernet_swin.safetensors"));
  const auto official = read_safetensors(test::fixture("official_seg_upernet_swin.safetensors"));
  const Translation one = translate(theirs), other = translate(official);
  CHECK(one.scheme.naming == Naming::kOpenMmlab);
  CHECK(other.scheme.naming == Naming::kOfficial);
  CHECK(one.prefix == "param/backbone.");
  CHECK(one.scheme.norm_each);
  CHECK(other.scheme.norm_each);
  std::size_t same = 0;
  for (const auto& entry : one.parameters) {
    for (const auto& twin : other.parameters) {
      if (entry.tensor.name != twin.tensor.name || is_head(entry.tensor.name)) continue;
      ++same;
      CAPTURE(entry.tensor.name);
      CHECK(same_values(to_f32(entry.tensor, ""), to_f32(twin.tensor, "")));
    }
  }
  CHECK(same == 99);
}

TEST_CASE("translate: parts that do not fit each other are told as what they are") {
  const auto file = read_safetensors(test::fixture("hf_swin_32.safetensors"));
  auto model = blank_model(read_safetensors(kFixture), Naming::kTorchvision);
  CHECK(load_weights(file, model).count(Status::kLoaded) == model.size());
  TensorFile broken = file;
  const std::string key = "param/swin.encoder.layers.1.blocks.0.attention.self.key.weight";
  std::erase_if(broken.tensors, [&](const StoredTensor& tensor) { return tensor.name == key; });
  const std::string error = error_of<CheckpointError>([&] { load_weights(broken, model); });
  CHECK(error.find("missing stages.1.blocks.0.attn.qkv.weight") != std::string::npos);
  CHECK(error.find("attention.self.query.weight: file [32, 32], not in the model") !=
        std::string::npos);
}

TEST_CASE("rename_tensors: Swin v2 there and back, values and gradients alike") {
  const auto file = read_safetensors(test::fixture("swin_v2_32.safetensors"));
  std::vector<NamedTensor> model;
  for (const auto& [tensor, stored_name] : translate(file).parameters) {
    model.push_back({tensor.name, to_f32(tensor, file.path)});
  }
  for (const Naming naming : {Naming::kTorchvision, Naming::kTimm, Naming::kOfficial,
                              Naming::kOpenMmlab, Naming::kHuggingFace}) {
    CAPTURE(name_of(naming));
    const auto renamed = rename_tensors(model, naming, "x/");
    const bool splits = naming != Naming::kTorchvision;
    const bool in_thirds = naming == Naming::kHuggingFace;
    CHECK(renamed.size() == model.size() + (splits ? 4 : 0) + (in_thirds ? 8 : 0));
    TensorFile theirs;
    for (const NamedTensor& named : renamed) {
      theirs.tensors.push_back(view_of(named.name, named.tensor));
    }
    const Translation back = translate(theirs, "x/");
    CHECK(back.scheme.naming == naming);
    REQUIRE(back.parameters.size() == model.size());
    for (std::size_t i = 0; i < model.size(); ++i) {
      CHECK(back.parameters[i].tensor.name == model[i].name);
      CHECK(same_values(to_f32(back.parameters[i].tensor, ""), model[i].tensor));
    }
  }
}

/// The file that convert makes of another: `in` under the names of `naming`.
TensorFile converted(const TensorFile& in, Naming naming, const std::filesystem::path& path) {
  std::vector<StoredTensor> tensors;
  for (const auto& entry : translate(in).parameters) tensors.push_back(entry.tensor);
  write_safetensors(path, std::span<const StoredTensor>(
                              rename_tensors(std::span<const StoredTensor>(tensors), naming)));
  return read_safetensors(path);
}

TEST_CASE(
    "rename_tensors: from any naming to any other and back the file is the same, bit by bit") {
  const ScratchFolder folder;
  for (const char* name : {"swin_32", "swin_v2_32", "hf_swin_ape_30x26", "hf_vit_32"}) {
    CAPTURE(name);
    const auto file = read_safetensors(test::fixture(name + std::string(".safetensors")));
    for (const Naming from : {Naming::kTessera, Naming::kTorchvision, Naming::kTimm,
                              Naming::kOfficial, Naming::kOpenMmlab, Naming::kHuggingFace}) {
      const bool vit = std::string_view(name) == "hf_vit_32";
      if (vit && from == Naming::kOfficial) continue;
      CAPTURE(name_of(from));
      const TensorFile first = converted(file, from, folder / "first");
      for (const Naming to : {Naming::kTessera, Naming::kTorchvision, Naming::kTimm,
                              Naming::kOfficial, Naming::kOpenMmlab, Naming::kHuggingFace}) {
        if (vit && to == Naming::kOfficial) continue;
        CAPTURE(name_of(to));
        converted(converted(first, to, folder / "there"), from, folder / "back");
        CHECK(test::read_text(folder / "back") == test::read_text(folder / "first"));
      }
    }
  }
}

TEST_CASE("translate: wrappers are found, averaged weights first, a given prefix before all") {
  const auto file_of = [](const std::vector<std::string>& prefixes) {
    TensorFile file;
    float value = 0.0f;
    for (const std::string& prefix : prefixes) {
      const Tensor tensor = Tensor::full({1}, value += 1.0f);
      file.tensors.push_back(view_of(prefix + "layers.0.blocks.0.norm1.weight", tensor));
      file.tensors.push_back(view_of(prefix + "layers.0.blocks.0.attn_mask", tensor));
    }
    return file;
  };
  for (const char* prefix : {"", "model.", "module.", "state_dict.", "state_dict.module.",
                             "state_dict.model.", "state_dict_ema.", "model_ema.module."}) {
    CAPTURE(prefix);
    const Translation found = translate(file_of({prefix}));
    CHECK(found.prefix == prefix);
    CHECK(found.parameters.size() == 1);
    CHECK(found.buffers.size() == 1);
  }
  const TensorFile both = file_of({"state_dict.", "state_dict_ema."});
  CHECK(translate(both).prefix == "state_dict_ema.");
  CHECK(to_f32(translate(both, "state_dict.").parameters[0].tensor, "").f32()[0] == 1.0f);
  CHECK(translate(file_of({"ema.net."})).prefix == "ema.net.");
  CHECK_THROWS_AS(translate(file_of({"ema.net."}), "net."), CheckpointError);
}

}  // namespace
}  // namespace tessera
