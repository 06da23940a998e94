#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/template/program.h>
#include <hikyaku/template/value.h>

namespace hikyaku::tmpl
{

class machine;

/// `none` of an index into a table of program_code.
inline constexpr std::uint32_t no_index = 0xFFFFFFFF;

enum class operand_kind : std::uint8_t
{
    constant,    ///< first: constants
    slot,        ///< first: slot
    local,       ///< first: local; second: the slot read while it is unassigned
    loop_item,   ///< first: loop state
    loop_object, ///< first: loop state
    named,       ///< first: operand that yields a root name
    range,       ///< first, second: operands
};

/// A value to be looked up. Look-ups follow in order.
struct operand
{
    operand_kind kind = operand_kind::constant;
    std::uint32_t first = 0;
    std::uint32_t second = 0;
    std::uint32_t lookup_first = 0;
    std::uint32_t lookup_count = 0;
};

enum class lookup_kind : std::uint8_t
{
    name,     ///< .name; value: constants
    size,     ///< .size, when there is no such member
    first,    ///< .first
    last,     ///< .last
    computed, ///< [expression]; value: operands
};

struct lookup
{
    lookup_kind kind = lookup_kind::name;
    std::uint32_t value = 0;
};

/// What a filter gets.
struct filter_arguments
{
    std::span<const value> positional;
    /// default's allow_false.
    bool allow_false = false;

    [[nodiscard]] std::size_t size() const noexcept { return positional.size(); }
    [[nodiscard]] const value& operator[](std::size_t i) const { return positional[i]; }
};

/// Replaces `v`. @returns false after machine.fail()
using filter_function = bool (*)(machine& m, value& v, const filter_arguments& arguments);

struct filter_call
{
    filter_function apply = nullptr;
    std::uint32_t argument_first = 0; ///< in program_code::arguments
    std::uint32_t argument_count = 0;
    std::uint32_t allow_false = no_index;
    std::uint32_t position = 0;
};

/// A value and the filters it goes through.
struct chain
{
    std::uint32_t operand = 0;
    std::uint32_t filter_first = 0;
    std::uint32_t filter_count = 0;
};

enum class comparison : std::uint8_t
{
    truth,
    equal,
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    contains,
};

enum class relation : std::uint8_t
{
    end,
    logical_and,
    logical_or,
};

/// One test; `next` ties it to the test after it in the table.
struct condition
{
    comparison compare = comparison::truth;
    relation next = relation::end;
    std::uint32_t left = 0;
    std::uint32_t right = 0;
    std::uint32_t position = 0;
};

struct loop_code
{
    std::uint32_t state = 0; ///< depth of nesting
    std::uint32_t collection = 0;
    std::uint32_t limit = no_index;
    std::uint32_t offset = no_index;
    std::uint32_t progress = 0; ///< register shared by the loops of one name, for offset:continue
    std::uint32_t name = 0;     ///< constants: forloop.name
    bool offset_continue = false;
    bool reversed = false;
};

/// One `when`.
struct case_code
{
    std::uint32_t left = 0;
    std::uint32_t value_first = 0; ///< in program_code::arguments
    std::uint32_t value_count = 0;
    std::uint32_t next_register = 0;    ///< the value to be compared next
    std::uint32_t matched_register = 0; ///< 1 once any `when` of this case matched
};

enum class opcode : std::uint8_t
{
    text,        ///< first: offset in texts; second: bytes
    output,      ///< first: chain
    assign,      ///< first: local; second: chain
    jump,        ///< second: target
    jump_unless, ///< first: conditions; second: target
    jump_if,     ///< first: conditions; second: target
    clear,       ///< first: register
    when_test,   ///< first: cases; second: target when no value is left that matches
    jump_if_set, ///< first: register; second: target
    loop_begin,  ///< first: loops; second: target when there is nothing to loop over
    loop_next,   ///< first: loops; second: target while there is an item left
    stop,
};

struct instruction
{
    opcode code = opcode::stop;
    std::uint32_t first = 0;
    std::uint32_t second = 0;
    std::uint32_t position = 0; ///< byte offset in the source
};

/// The compiled form behind `program`. Constant after compile().
struct program_code
{
    escape_mode mode = escape_mode::none;
    bool reads_any_slot = false;
    std::string source; ///< for line and column of errors
    std::string texts;
    std::deque<std::string> strings; ///< what string constants refer to
    std::vector<value> constants;
    std::vector<operand> operands;
    std::vector<lookup> lookups;
    std::vector<std::uint32_t> arguments;
    std::vector<filter_call> filters;
    std::vector<chain> chains;
    std::vector<condition> conditions;
    std::vector<case_code> cases;
    std::vector<loop_code> loops;
    std::vector<instruction> instructions;
    std::vector<std::uint32_t> slots;
    std::vector<std::string> slot_names; ///< only if reads_any_slot
    std::vector<std::string> local_names;
    std::uint32_t loop_states = 0;
    std::uint32_t registers = 0;
};

/// Line and column of a byte offset. @pre offset <= source.size()
[[nodiscard]] source_error error_at(std::string_view source, std::size_t offset, std::string text);

} // namespace hikyaku::tmpl
