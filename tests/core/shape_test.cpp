#include "core/shape.h"

#include <doctest/doctest.h>

namespace tessera {
namespace {

TEST_CASE("a shape counts elements and rows") {
  const Shape shape{2, 3, 5};
  CHECK(shape.rank() == 3);
  CHECK(shape.numel() == 30);
  CHECK(shape.rows() == 6);
  CHECK(shape[0] == 2);
  CHECK(shape[-1] == 5);
  CHECK(shape[-3] == 2);
  CHECK(shape.with_last(7) == Shape{2, 3, 7});
  CHECK(Shape{}.numel() == 1);
  CHECK(Shape{}.rows() == 1);
  CHECK(Shape{4, 0}.numel() == 0);
  CHECK(Shape{4, 0}.rows() == 0);
}

TEST_CASE("shapes are equal if all dimensions and the rank are") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK(Shape{2, 3} != Shape{3, 2});
  CHECK(Shape{2} != Shape{2, 1});
  CHECK(Shape{} != Shape{1});
}

TEST_CASE("a shape prints as in the messages") {
  CHECK(to_string(Shape{8, 56, 56, 96}) == "[8, 56, 56, 96]");
  CHECK(to_string(Shape{}) == "[]");
  CHECK(fmt::format("x {}", Shape{3}) == "x [3]");
}

}  // namespace
}  // namespace tessera
