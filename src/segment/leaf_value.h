#pragma once

#include <string>

#include "mistakes.h"
#include "tree.h"

namespace hikyaku::segment
{

/// Reads the "value" of a leaf whose field and operator are known, fills its operands and `shown`.
/// `values_left` is what the condition may still use of values_max.
class leaf_value_reader
{
public:
    leaf_value_reader(leaf& to, const normalizer& normalize, std::size_t& values_left,
                      mistakes& wrong)
        : to_(to), row_(row_of(to.which)), normalize_(normalize), values_left_(values_left),
          wrong_(wrong)
    {
    }

    /// Adds what is wrong to the mistakes; the leaf is then not to be used.
    /// @pre the operator takes a value
    void read(const json::value& value, const std::string& pointer);

private:
    void read_list(const json::value& value, const std::string& pointer);
    void read_pair(const json::value& value, const std::string& pointer);
    bool check_size(std::size_t size, const std::string& pointer);
    bool read_one(const json::value& value, const std::string& pointer);
    bool read_text(const json::value& value, const std::string& pointer);
    bool read_number(const json::value& value, const std::string& pointer);
    bool read_moment(const json::value& value, const std::string& pointer);
    bool read_truth(const json::value& value, const std::string& pointer);
    void show(std::string_view json);
    void check_order(const std::string& pointer);
    void sort_list();

    leaf& to_;
    const op_row& row_;
    const normalizer& normalize_;
    std::size_t& values_left_;
    mistakes& wrong_;
};

} // namespace hikyaku::segment
