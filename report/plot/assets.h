// The style and the script of reports: the files plot.css, page.css and page.js, put into the
// program by CMake.
#pragma once

#include <string_view>

namespace tessera::report {

extern const std::string_view kPlotCss;
extern const std::string_view kPageCss;
extern const std::string_view kPageJs;

}  // namespace tessera::report
