-- The language and its libraries with their error texts; expected output: language.expected, printed by PUC Lua 5.1.5.
local function p(...) print(pcall(...)) end
print(assert(1,2), pcall(assert,false), pcall(assert,nil,"msg"))
p(function() local x; x.y=1 end) p(function() return foo.bar end) p(function() foo() end) p(function() local t={} t.x.y() end)
p(function() local t={} t:nope() end) p(function() return ("x"):nope() end) p(function() return 1+{} end) p(function() local a; return a+1 end)
p(function() return {}..'x' end) p(function() local t={} return 'a'..t.x..'b' end) p(function() return 1<'2' end) p(function() return {}<{} end) p(function() return nil<1 end)
p(function() return #5 end) p(function() return -{} end) p(function() for i='a',2 do end end) p(function() for i=1,{} do end end) p(function() for x in 5 do end end)
p(function() error('x',2) end) p(function() error() end) p(error) p(function() string.rep() end) p(string.rep) p(function() ('x'):rep({}) end)
p(function() table.insert(1,2) end) p(function() table.insert({},1,2,3) end) p(function() table.concat({1,{},3}) end) p(function() setmetatable(1,{}) end)
p(function() local t = setmetatable({},{__index=function(t,k) return k..'!' end}) print(t.foo, t[1]) end)
p(function() return tostring(setmetatable({},{__tostring=function() return 'hi' end})) end)
p(function() local a = {} ; a[nil]=1 end) p(function() local a={} a[0/0]=1 end) p(next,{},1) p(function() return select(0) end) p(select,-1,1,2,3) p(select,'#',1,nil,nil)
print(tonumber('0x10'), tonumber('  12  '), tonumber('1e2'), tonumber('abc'), tonumber('ff',16), tonumber('zz',36), tonumber('8',8), tonumber(''), tonumber('0x'), tonumber('1e'), tonumber('inf'), tonumber('nan'), tonumber('-0x1p4'))
print(1e15,1e14,1e100,0.1,1/3,-1/0,0/0,-(0/0),123456789012345678,2^63,1e-5,123.456e10, 5%-3,-5%3,5.5%2, 2^0.5, 10/2)
print(string.format('%d %5d %-5d| %05d %+d %x %X %o %c %e %g %f %.3f %10.2f %q %s %%', 1,2,3,4,5,255,255,8,65,1.5,1e20,1.5,2.5,3.14159,'a\n"\\\0b','str'))
print(string.format('%5s|%-5s|%.2s|%i|%u|%#x|% d|%g|%g|%G|%e', 'a','b','xyz',3,4,255,7,0.0001,1e-5,1e-10,0))
print(string.find('hello world','o w'), string.find('hello','l+'), string.find('a.b','.',1,true), string.find('abc','b',-1), string.find('','' ), string.find('abc','',10))
print(string.match('key=val','(%w+)=(%w+)'), string.match('  trim  ','^%s*(.-)%s*$'), string.match('2024-01-02','(%d+)-(%d+)-(%d+)'), string.match('abc','()b()'))
print(string.gsub('hello world','o','0'), string.gsub('abc','%w','%0%0'), string.gsub('abc','',  '-'), string.gsub('$name is $x','%$(%w+)',{name='Bob'}), string.gsub('abc','b',function(c) return c:upper() end))
print(string.gsub('THE (quick) fox','%((%w+)%)','<%1>'), string.find('THE (quick) fox','%((%a+)%)'), string.gsub('f(a(b)c)d','%b()','X'), string.gsub('THE fox','%f[%a]%a+','W'))
for w in string.gmatch('one two  three','%a+') do io = w print(w) end
for k,v in string.gmatch('a=1, b=2','(%w+)=(%w+)') do print(k,v) end
print(('x'):rep(3), ('abc'):reverse(), ('abc'):upper(), ('ABC'):lower(), ('abc'):len(), ('abc'):byte(1,-1), string.char(72,105), ('hello'):sub(2,-2), ('hello'):sub(-3), ('hello'):sub(10), ('hello'):sub(0,2))
local t = {5,2,8,1,9,3} table.sort(t) print(table.concat(t,',')) table.sort(t,function(a,b) return a>b end) print(table.concat(t,','))
print(table.remove(t), table.remove(t,1), #t, table.concat(t,' '), table.maxn({1,2,[10]=3}), table.getn({1,2}))
p(table.sort,{3,1,'x'}) p(function() table.sort({1,2,3,4,5,6,7,8,9,10},function() return true end) end)
print(unpack({1,2,3})) print(unpack({1,2,3},2)) print(unpack({1,nil,3})) print(pcall(unpack,{},1,1e7))
print(math.floor(-3.5), math.ceil(3.2), math.max(1,5,3), math.min(4,2), math.fmod(7,3), math.fmod(-7,3), math.modf(3.7), math.modf(-3.7), math.abs(-2), math.huge, -math.huge, math.pi, math.sqrt(2), math.frexp(10), math.ldexp(0.5,4), math.modf(1/0))
local co = coroutine.create(function(a,b) local c = coroutine.yield(a+b) local d,e = coroutine.yield(c*2) return d+e end)
print(coroutine.resume(co,1,2)) print(coroutine.resume(co,10)) print(coroutine.status(co)) print(coroutine.resume(co,3,4)) print(coroutine.resume(co)) print(coroutine.status(co))
local w = coroutine.wrap(function() for i=1,3 do coroutine.yield(i) end end) print(w(),w(),w(),w()) print(pcall(w))
print(coroutine.resume(coroutine.create(function() error('oops') end))) print(coroutine.resume(coroutine.create(function() local x = nil; x() end)))
print(pcall(coroutine.yield,1)) print(pcall(coroutine.wrap(function() error('in wrap') end)))
print(xpcall(function() error('e') end, function(m) return 'H:'..m end)) print(xpcall(function() return 1,2 end, print)) print(xpcall(function() local x = nil + 1 end, function() error('again') end))
local function deep(n) return 1 + deep(n+1) end print(pcall(deep,1))
local t = {} for i=1,10 do t[i]=i end print(#t) t[10]=nil print(#t) t[5]=nil print(#t) print(#{1,2,nil,4}, #{1,nil,3}, #{nil,nil,3}, #{n=1}, #{nil}, #{1,nil}, #{nil,2,nil})
local u = {} u[1]=1 u[2]=2 u[4]=4 print(#u)
for k,v in pairs({a=1,b=2,c=3,d=4,10,20,30,[100]='x',[1.5]='y',[true]='z'}) do print(k,v) end
local big = {} for i=1,50 do big['key'..i]=i end for k,v in pairs(big) do print(k,v) end
for i=1,50,3 do big['key'..i]=nil end for i=1,30 do big[i*7]=i end for k,v in pairs(big) do print(k,v) end
for i=3,1,-1 do print(i) end for i=1,0 do print('never') end for i=0.1,1,0.3 do print(i) end
print(loadstring('return 1+')) print(loadstring('x = = 1')) print(loadstring('for')) print(loadstring('x = "abc')) print(loadstring('x = [[abc')) print(loadstring('if x then')) print(loadstring('goto x')) print(loadstring('return "\\300"')) print(loadstring('x = 3x')) print(loadstring('break')) print(loadstring('local function f() return ... end')) print(loadstring('\nfoo\n(1)')) print(loadstring('a.b:c = 1')) print(loadstring('f() = 1')) print(loadstring('x =}')) print(loadstring('if a then\n\nfoo()\n','=chunk')) print(loadstring('return 1 2','@file.lua')) print(loadstring('--[[ unfinished')) print(loadstring('x=@')) print(loadstring('x=\1')) print(loadstring(('x='):rep(1)..'[==[abc')) print(loadstring('x=[=abc')) print(loadstring('[[a[[b]]'))  print(loadstring('x=[[a[[b]]'))
print(type(load(function() return nil end))) print(pcall(loadstring('return ...'),1,2))
do local function f(...) return arg.n, arg[1] end print(f(7,8,9)) end
do local function f(...) return select('#',...) end print(f(nil,nil)) end
print(getfenv(1)==_G, getfenv(print)==_G, setfenv(function() return x end,{x=5})())
local mt = {__add=function(a,b) return 'add' end,__concat=function(a,b) return 'cat' end,__eq=function() return true end,__lt=function() return true end,__le=function() return false end,__call=function(self,...) return 'call',... end,__unm=function() return 'unm' end,__len=function() return 42 end}
local a,b = setmetatable({},mt), setmetatable({},mt) print(a+1,1+a,a..'x','x'..a,1 ..a,a==b,a<b,a<=b,a(1,2),-a,#a, a~=b, a>b)
print(rawequal(a,b), rawget(a,1), rawset({},1,2)[1], type(nil), type(print))
print(0x10, 1e2, .5, 3., 0xffffffffff)
