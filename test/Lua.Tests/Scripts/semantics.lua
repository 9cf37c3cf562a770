-- What statements, calls, metamethods, closures and coroutines do; expected output: semantics.expected, printed by PUC Lua 5.1.5.
local function p(...) print(pcall(...)) end
-- evaluation order and multiple assignment
do local i, t = 1, {} i, t[i] = i+1, 20 print(i, t[1], t[2]) end
do local a,b,c = (function() return 1,2,3 end)() print(a,b,c) end
do local a,b,c = ((function() return 1,2,3 end)()) print(a,b,c) end
do local t = {(function() return 1,2,3 end)(), (function() return 1,2,3 end)()} print(#t) end
do local x, y = 1, 2; x, y = y, x print(x, y) end
do local t = {1,2,3} local a = t a[1], a = 5, {} print(t[1], #a) end
-- closures in loops
do local fs = {} for i=1,3 do local j = i fs[#fs+1] = function() j = j + 1 return i, j end end print(fs[1]()) print(fs[1]()) print(fs[3]()) end
do local fs = {} local i = 0 while i < 3 do i = i + 1 local k = i fs[i] = function() k = k * 2 return k end end print(fs[1](), fs[2](), fs[3](), fs[1]()) end
do local fs = {} local i = 0 repeat local k = i fs[i] = function() return k end i = i + 1 until k >= 2 print(fs[0](), fs[2]()) end
do local function mk() local n = 0 return function() n = n + 1 return n end, function() return n end end local inc, get = mk() inc() inc() print(get()) end
-- and/or
print(nil and 1, false or nil, 1 and 2, nil or false, false and nil, 1 == 1 and 'y' or 'n', not nil == true, not (1 == 2))
do local a = 5 a = a > 3 and a or 0 print(a) a = a and nil print(a) a = a or 7 print(a) end
do local x = nil local y = x == nil and 'nil' or 'not' print(y) end
print(1 < 2 == true, 'a' .. 'b' == 'ab', 2^3^2, -2^2, not 1 == 2, #'abc' + 1, -'2' + 1, '0x10' + 0, 10 .. 20)
print(1 and nil or 3, (nil == false), 0 and 'zero true', '' and 'empty true')
-- numeric for edge cases
for i = 10, 1 do print('no') end for i = 1, 3 do local j = i i = 10 io_ = j end print(io_)
for i = 1, 2, 0.5 do print(i) end p(function() for i = 1, 10, 0 do if i > 3 then break end error('zero step runs') end end)
for i = 3, 1, -1 do io_ = i end print(io_) for i = -1, -3, -1 do print(i) end for i = 1, '3' do print(i) end
-- varargs
local function v(...) return select('#', ...), ... end print(v()) print(v(nil)) print((v(1, 2))) print(v(1, nil, nil))
local function w(a, ...) local b, c = ... return a, b, c end print(w(1, 2)) print(w(1, 2, 3, 4))
print((function(...) local t = {n = select('#', ...), ...} return t.n, #t end)(1, 2, 3))
print(#{v(1,2,3)}, #{v(1,2,3), 1}, (select(2, v('x'))))
print(pcall(select, -5, 1)) print(select(-2, 1, 2, 3)) print(select(2, 'a', 'b', 'c'))
-- tail calls
local function loop(n) if n > 0 then return loop(n - 1) end return 'done' end print(loop(50000))
do local t = setmetatable({}, {__call = function(self, a) return a end}) local function f(x) return t(x) end print(f(5)) end
-- metamethods: index chains, newindex, eq, lt mixed
do local a = {x = 1} local b = setmetatable({}, {__index = a}) local c = setmetatable({}, {__index = b}) print(c.x, c.y) end
do local log = {} local t = setmetatable({}, {__newindex = function(t, k, v) log[#log+1] = k rawset(t, k, v) end}) t.a = 1 t.a = 2 t.b = 3 print(table.concat(log, ',')) end
do local store = {} local t = setmetatable({}, {__newindex = store}) t.x = 5 print(rawget(t, 'x'), store.x) end
do local mt = {__eq = function() return true end} local a, b = setmetatable({}, mt), setmetatable({}, mt) print(a == b, a ~= b, a == {}, rawequal(a, b)) end
do local mt = {__lt = function(a, b) return a.v < b.v end} local a, b = setmetatable({v=1}, mt), setmetatable({v=2}, mt) print(a < b, a > b, a <= b, a >= b) end
p(function() return setmetatable({}, {__lt = function() return true end}) < 1 end)
do local t = setmetatable({}, {__mod = function() return 'mod' end, __pow = function() return 'pow' end, __div = function() return 'div' end, __mul = function(a, b) return 'mul' end, __sub = function() return 'sub' end}) print(t % 1, t ^ 1, t / 1, 2 * t, t - t) end
do local t = setmetatable({}, {__concat = function(a, b) return (type(a) == 'table' and 'T' or a) .. '+' .. (type(b) == 'table' and 'T' or b) end}) print(t .. 'x' .. 'y', 'x' .. 'y' .. t, 1 .. t, t .. t) end
do local t = setmetatable({}, {__index = string}) print(t.format('%d', 3)) end
do local t = setmetatable({}, {__tostring = function() return 5 end}) p(tostring, t) end
print(getmetatable('').__index == string, ('%d'):format(7), ('x'):len())
-- gsub, gmatch anchors, captures
print(('abc'):gsub('^', '>')) print(('abc'):gsub('$', '<')) print(('a,b,,c'):gsub(',', ';', 2)) print(('x^y'):gsub('%^', '**'))
for a, b in ('k1=v1;k2=v2'):gmatch('(%w+)=(%w+)') do io_ = a .. b print(io_) end for pos in ('abc'):gmatch('()') do print(pos) end
print(('hello'):find('l'), ('hello'):find('xyz'), ('hello'):find(''), ('hello'):find('', 6), ('hello'):find('', 7), ('a+b'):find('+', 1, true))
print(('  x  '):match('^%s*(.-)%s*$') .. '|', ('2024'):match('^(%d%d)(%d%d)$')) print(('[[x]]'):match('%[%[(.*)%]%]')) print(('a.b.c'):gsub('%.', '/'))
print(('abc'):gsub('.', {a = 1, c = false})) print(pcall(string.gsub, 'abc', '.', {a = {}}))
-- table functions
do local t = {1,2,3,4,5} print(table.remove(t, 2), table.concat(t, ',')) table.insert(t, 1, 'z') print(table.concat(t, ',')) end
do local t = {'b', 'a', 'c'} table.sort(t) print(table.concat(t)) table.sort(t, function(x, y) return x > y end) print(table.concat(t)) end
do local t = {} for i = 1, 200 do t[i] = (i * 37) % 101 end table.sort(t) local ok = true for i = 2, 200 do ok = ok and t[i-1] <= t[i] end print(ok) end
-- next/modify during traversal
do local t = {} for i = 1, 20 do t['k' .. i] = i end local n = 0 for k in pairs(t) do t[k] = nil n = n + 1 end print(n, next(t)) end
do local t = {10, 20, 30, nil, 50} local s = 0 for i, v in ipairs(t) do s = s + v end print(s) end
-- integer and float keys
do local t = {} t[1.0] = 'a' t[2^53] = 'b' print(t[1], t[2^53], #t) t[-1] = 'm' t[0] = 'z' print(t[-1], t[0]) end
-- errors with levels, non-string errors
p(function() local function f() error('lvl2', 2) end f() end) p(function() error('m', 0) end) p(error, nil)
print(select(2, pcall(error, {code = 7})).code) print(pcall(error)) p(function() local t = nil; t.x.y = 1 end) p(function() undefinedfn() end) p(function() local t = {} t.a.b.c = 1 end)
p(function() return ('x') < 1 end) p(function() return {} < 'x' end) p(function() return nil .. 'x' end) p(function() local s = 'abc' return s.x.y end) p(function() return math.floor('x') end) p(function() return ('x'):bad() end)
p(function() return #nil end) p(function() local a = 'x' return a + 1 end) p(function() return 2 ^ {} end) p(function() t_ = {} t_[nil] = 1 end) p(string.format, '%d', '1.5') print(string.format('%d', '15'))
p(function() string.rep('x', -1)() end) p(function() (nil)() end) p(function() local a = {} a.b() end) p(function() local a = {} a:c() end) p(function() a_.b.c = 1 end) p(function() return a_.b end)
local up = nil p(function() return up.x end) p(function() up() end) p(function() return up + 1 end) p(function() return up .. 'x' end)
p(function() for i = 1, nil do end end) p(function() for i = nil, 1 do end end) p(function() for i = 1, 2, nil do end end) p(function() for k in nil do end end) p(function() for k in pairs(nil) do end end) p(function() for k in next, nil do end end)
-- coroutines
do local co = coroutine.wrap(function(...) local a = {...} while true do a = {coroutine.yield(#a, unpack(a))} end end) print(co(1, 2)) print(co()) print(co('x', nil)) end
do local co = coroutine.create(function() local ok, e = pcall(function() error('in') end) coroutine.yield(ok, e) return 'end' end) print(coroutine.resume(co)) print(coroutine.resume(co)) print(coroutine.resume(co)) end
do local co co = coroutine.create(function() print(coroutine.status(co), coroutine.running() == co) return coroutine.resume(co) end) print(coroutine.resume(co)) end
do local gen = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) for v in gen do io_ = v end print(io_) end
do local function perm(a, n) n = n or #a if n <= 1 then coroutine.yield(table.concat(a)) else for i = 1, n do a[n], a[i] = a[i], a[n] perm(a, n - 1) a[n], a[i] = a[i], a[n] end end end for s in coroutine.wrap(function() perm({1,2,3}) end) do print(s) end end
do local t = setmetatable({}, {__index = function(t, k) return coroutine.yield(k) end}) print(coroutine.resume(coroutine.create(function() return t.x end))) end
do local co = coroutine.create(function() table.sort({3,2,1}, function(a, b) coroutine.yield() end) end) print(coroutine.resume(co)) end
print(coroutine.resume(coroutine.create(function(...) return select('#', ...), ... end), nil, nil))
-- loadstring environments
do local f = loadstring('x = 5 return x, y') setfenv(f, {y = 'env'}) print(f()) print(x) end
do local f = loadstring('return ...', '=name') print(f(1, 2)) end print(loadstring('error("e")', '=name') and pcall(loadstring('error("e")', '=name'))) print(pcall(loadstring('local x = nil; x()', '@file')))
print(pcall(loadstring('error("deep", 2)', '=(load)'))) print(loadstring('return "a\\z"')()) print(#loadstring('return [==[\nab]]]=]]==]')()) print(loadstring('return "\\065\\10\\x"')())
print(loadstring("return 'a\\\nb'")()) print(loadstring('x = }')) print(loadstring('x = "a\nb"')) print(loadstring('return 0x')) print(loadstring('return 1..2')) print(loadstring('return 08')()) print(loadstring('for i = 1 do end')) print(loadstring('for 1 = 1, 2 do end')) print(loadstring('function f( end')) print(loadstring('local 1 = 2')) print(loadstring('return return')) print(loadstring('x = function end')) print(loadstring('a.1 = 2')) print(loadstring('a = {1, 2')) print(loadstring('if x then else elseif y then end')) print(loadstring('repeat x = 1')) print(loadstring('f(')) print(loadstring('::l::')) print(loadstring('while true do')) print(loadstring("x = 'abc\\")) print(loadstring('x = y z')) print(loadstring('(f)')) print(loadstring('local function end')) print(loadstring('return 5 5')) print(loadstring('x = 5 = 6')) print(loadstring('\n\n\nx ='))  print(loadstring('local a; local b = a.b.c:d'))
do local function f() return pcall(function() return 1, 2 end) end print(f()) local function g() return pcall(error, 'x') end print(g()) local function h() return (pcall(function() return 1 end)) end print(h()) end
do local co = coroutine.wrap(function(a) return coroutine.yield(a) end) print(co(1)) print(co(2, 3)) end
do local function f() return tostring(5) end print(f(), (f())) local function g(...) return select('#', ...) end print(g(f(), f())) local function h() return xpcall(function() error('e', 0) end, function(m) return m .. '!' end) end print(h()) end
