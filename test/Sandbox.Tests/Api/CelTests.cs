// The expression language of validation rules.
using System.Text;
using Shoal.Sandbox.Api.Cel;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Tests.Api;

public sealed class CelTests
{
    private const string Self = """
        {"n":3,"d":1.5,"s":"hello","t":"","b":true,"list":[1,2,3],"names":["a","b"],"map":{"k":1,"a-b":2},"obj":{"x":1,"y":{"z":2}},"q":"1Gi",
        "items":[{"name":"a","v":1},{"name":"b","v":2}],"when":"2026-01-01T10:00:00Z"}
        """;

    [Theory]
    [InlineData("self.n == 3 && self.n != 4")]
    [InlineData("self.n >= 3 && self.n <= 3 && self.n > 2 && self.n < 4")]
    [InlineData("1 + 2 * 3 == 7 && (1 + 2) * 3 == 9 && 7 / 2 == 3 && 7 % 2 == 1 && -self.n == -3")]
    [InlineData("self.d * 2.0 == 3.0 && self.d > 1")]
    [InlineData("self.s + ' world' == \"hello world\"")]
    [InlineData("has(self.s) && !has(self.none) && has(self.obj.y.z)")]
    [InlineData("self.b ? self.n == 3 : false")]
    [InlineData("2 in self.list && !(5 in self.list) && 'k' in self.map && !('z' in self.map)")]
    [InlineData("size(self.list) == 3 && self.s.size() == 5 && size(self.map) == 2 && size('') == 0")]
    [InlineData("self.s.startsWith('he') && self.s.endsWith('lo') && self.s.contains('ell') && self.s.matches('^h.*o$')")]
    [InlineData("self.list.all(x, x > 0) && self.list.exists(x, x == 2) && self.list.exists_one(x, x == 3)")]
    [InlineData("self.list.map(x, x * 2) == [2, 4, 6] && self.list.filter(x, x > 1) == [2, 3]")]
    [InlineData("self.items.all(i, i.name in self.names) && self.items[1].v == 2")]
    [InlineData("self.map.all(k, self.map[k] > 0) && self.map['a-b'] == 2 && self.map.a__dash__b == 2")]
    [InlineData("quantity(self.q).isGreaterThan(quantity('1M')) && quantity('1024Mi').compareTo(quantity(self.q)) == 0")]
    [InlineData("quantity('500m').isLessThan(quantity('1')) && isQuantity('2Ki') && !isQuantity('x')")]
    [InlineData("self.obj == {'x': 1, 'y': {'z': 2}}")]
    [InlineData("true || self.none == 1")]
    [InlineData("self.none == 1 || true")]
    [InlineData("!(false && self.none == 1)")]
    [InlineData("self.?none.orValue(7) == 7 && self.?n.orValue(7) == 3 && !self.?none.hasValue()")]
    [InlineData("string(self.n) == '3' && int('4') == 4 && double(1) == 1.0")]
    [InlineData("duration('1h30m') > duration('89m') && timestamp(self.when) < timestamp('2026-01-02T00:00:00Z')")]
    [InlineData("self.s.substring(1, 3) == 'el' && self.s.indexOf('l') == 2 && 'a,b'.split(',') == ['a', 'b'] && ['a', 'b'].join('-') == 'a-b'")]
    [InlineData("[3, 1, 2].max() == 3 && [1, 2].isSorted() && self.list.sum() == 6")]
    [InlineData("type(self.n) == int && type(self.s) == string")]
    [InlineData("'\\u0041\\n' == \"A\\n\" && r'\\d' == '\\\\d'")]
    [InlineData("null == null && self.t == ''  // a comment")]
    public void Holds(string rule) => Assert.Equal(true, Evaluate(rule));

    [Theory]
    [InlineData("self.none == 1", "no such key: none")]
    [InlineData("self.n / 0 == 1", "division by zero")]
    [InlineData("self.n + 'x' == ''", "no such overload")]
    [InlineData("self.list[9] == 1", "index out of bounds")]
    [InlineData("9223372036854775807 + 1 > 0", "integer overflow")]
    [InlineData("self.n.startsWith('x')", "no such overload")]
    [InlineData("quantity('x').isInteger()", "quantities must match")]
    [InlineData("self.s && true", "expected bool")]
    public void Fails_with_a_reason(string rule, string reason) => Assert.Contains(reason, Assert.Throws<CelException>(() => Evaluate(rule)).Message);

    [Theory]
    [InlineData("self.")]
    [InlineData("self ==")]
    [InlineData("(self.n")]
    [InlineData("'open")]
    [InlineData("self.n # 1")]
    [InlineData("other.n == 1")]
    [InlineData("frobnicate(self)")]
    [InlineData("has(self)")]
    [InlineData("self.list.all(1, true)")]
    public void Does_not_compile(string rule) => Assert.Throws<CelException>(() => CelExpression.Compile(rule, "self"));

    [Fact]
    public void Knows_which_variables_it_reads()
    {
        Assert.DoesNotContain("oldSelf", CelExpression.Compile("self.a == 1", "self", "oldSelf").Variables);
        Assert.Contains("oldSelf", CelExpression.Compile("self.a >= oldSelf.a", "self", "oldSelf").Variables);
    }

    private static object? Evaluate(string rule) => CelExpression.Compile(rule, "self")
        .Evaluate(new Dictionary<string, object?> { ["self"] = CelValues.From(JsonTree.Parse(Encoding.UTF8.GetBytes(Self))) });
}
