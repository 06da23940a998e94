#include <gtest/gtest.h>

#include <hikyaku/bounce/classifier.h>
#include <hikyaku/bounce/reply_line.h>

namespace hikyaku::bounce
{
namespace
{

/// Whatever else it says: the shipped rules compile, and every sample is decided by its rule.
TEST(Classifier, BuiltInRulesHoldTheirSamples)
{
    const auto made = classifier::compile(built_in_rules());
    ASSERT_TRUE(made.has_value()) << built_in_rules()[made.error().rule].name << ": "
                                  << made.error().text;
}

} // namespace
} // namespace hikyaku::bounce
