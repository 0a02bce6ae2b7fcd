#include "study/added_seeds.h"

#include <doctest/doctest.h>

#include "study/extend_study.h"
#include "study/test_figures.h"
#include "tests/study/study_support.h"

namespace tessera {
namespace {

using test::error_of;
using test::ScratchFolder;
using test::study_of;

constexpr const char* kText = "axes: {model.patch_size: [2, 4]}\nseeds: [4, 0]\n";

TEST_CASE("added seeds follow the largest, and a folder keeps them") {
  const ScratchFolder folder;
  Study study = study_of(kText);
  take_added_seeds(study, folder.path());
  CHECK(study.added.empty());
  add_seeds(study, 2, folder.path());
  CHECK(study.seeds == std::vector<std::int64_t>{4, 0, 5, 6});
  add_seeds(study, 1, folder.path());
  CHECK(study.seeds.back() == 7);

  Study later = study_of(kText);
  take_added_seeds(later, folder.path());
  CHECK(later.seeds == study.seeds);
  CHECK(later.added == std::vector<std::vector<std::int64_t>>{{5, 6}, {7}});
  CHECK(looks_of(later.added) == 3);
  take_added_seeds(later, folder.path());
  CHECK(later.seeds == study.seeds);

  // A file that names one of them by now has it once; it was added all the same.
  Study named = study_of(kText, {"seeds=[4, 0, 5]"});
  take_added_seeds(named, folder.path());
  CHECK(named.seeds == std::vector<std::int64_t>{4, 0, 5, 6, 7});
  CHECK(named.added.size() == 2);

  Study last = study_of(kText, {"seeds=[4294967295]"});
  CHECK(error_of<ConfigError>([&] { add_seeds(last, 1, folder.path()); }) ==
        "--extend seeds=1: after seed 4294967295 there are no 1 more; the largest is 4294967295");
  test::write_text(folder / "added_seeds.json", "{");
  CHECK(error_of<DataError>([&] {
          take_added_seeds(named, folder.path());
        }).find("is not what --extend writes") != std::string::npos);
}

TEST_CASE("what --extend takes") {
  CHECK(seeds_to_add("seeds=3") == 3);
  for (const char* wrong : {"", "3", "seeds", "seeds=", "seeds=0", "seeds=-1", "seeds=1001",
                            "seeds=2x", "seed=2", "seeds=99999999999999999999"}) {
    CAPTURE(wrong);
    CHECK(error_of<ConfigError>([&] {
            seeds_to_add(wrong);
          }).starts_with("--extend: expected seeds=N with N from 1 to 1000"));
  }
}

TEST_CASE("a study whose val is the test split cannot be tested") {
  const auto error = [](const std::vector<std::string>& overrides) {
    const Study study = study_of(std::string(kText) + "test: true\n", overrides);
    return error_of<ConfigError>([&] { check_test_split(study, make_grid(study)); });
  };
  CHECK(error({}) ==
        "s.yaml: test: patch_size 2: val is the test split, so that nothing is left to test on; "
        "data.val_split: 0.1 holds a share of training out for val");
  const Study apart = study_of(std::string(kText) + "test: true\n", {"data.val_split=0.1"});
  CHECK_NOTHROW(check_test_split(apart, make_grid(apart)));
  CHECK_NOTHROW(check_test_split(study_of(kText), make_grid(study_of(kText))));
}

}  // namespace
}  // namespace tessera
