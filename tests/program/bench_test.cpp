// `bench` as scripts read it.
#include <nlohmann/json.hpp>

#include "tests/program/program.h"

namespace tessera {
namespace {

TEST_CASE("bench reports rates, the loader's share and every op of both phases") {
  const test::ScratchFolder folder;
  test::write_text(folder / "tiny.yaml", test::kTinyConfig);
  const test::Outcome outcome = test::tessera({"bench", folder / "tiny.yaml", "--steps", "2",
                                               "--precision", "f32", "--batch", "8", "--json"});
  REQUIRE(outcome.code == 0);
  const auto json = nlohmann::json::parse(outcome.out);
  CHECK(json["batch"] == 8);
  CHECK(json["precision"] == "f32");
  for (const char* phase : {"train", "infer"}) {
    CAPTURE(phase);
    CHECK(json[phase]["images_per_s"] > 0.0);
    CHECK(json[phase]["peak_share"] > 0.0);
    CHECK(json[phase]["peak_share"] < 1.0);
  }
  CHECK(json["loader"]["data"] == "synthetic");
  CHECK(json["loader"]["share"].get<double>() ==
        doctest::Approx(json["loader"]["cpu_ms"].get<double>() /
                        json["loader"]["step_cpu_ms"].get<double>()));
  const auto names_of = [&](const char* key) {
    std::vector<std::string> names;
    for (const auto& op : json[key]) {
      CHECK(op["ms"] >= 0.0);
      for (const char* field : {"gflops", "gbytes", "peak_share", "stream_share"}) {
        CHECK(op.contains(field));
      }
      names.push_back(op["name"]);
    }
    return names;
  };
  const auto has = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const std::vector<std::string> training = names_of("ops"), inference = names_of("infer_ops");
  CHECK(has(training, "window_attention (backward)"));
  CHECK(has(training, "optimizer"));
  CHECK(has(inference, "window_attention"));
  CHECK_FALSE(has(inference, "window_attention (backward)"));
}

TEST_CASE("bench loads noise where the data set is not, and says so") {
  const test::ScratchFolder folder;
  test::write_text(folder / "tiny.yaml", test::kTinyConfig);
  const test::Outcome outcome =
      test::tessera({"bench", folder / "tiny.yaml", "--steps", "1", "--batch", "4", "--set",
                     "data.name=cifar10", "--set", "data.root=" + std::string(folder / "none")});
  CHECK(outcome.code == 0);
  CHECK(outcome.out.find("medians of 1 step\n") != std::string::npos);
  CHECK(outcome.out.find("ms of CPU a batch (noise; cifar10 is not here)") != std::string::npos);
}

}  // namespace
}  // namespace tessera
