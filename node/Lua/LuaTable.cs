// A table has two parts, as in the paper "The Implementation of Lua 5.0" (section 4): an array for the keys 1..n it is at least half
// full with, and a hash of chained scatter (Brent's variation) for the rest. Sizes, hash functions and the moment of every rehash are
// those of Lua 5.1, because scripts can see them: in the order of `pairs` (and so of cjson.encode) and in the length of an array with
// holes. Two string keys are equal when their bytes are; the reference is only compared first.
namespace Shoal.Lua;

/// <summary>A Lua table.</summary>
public sealed class LuaTable
{
    private const int NodeSize = 40, TableSize = 72;
    private const int MaxBits = 26;

    private static readonly Node[] NoNodes = new Node[1];
    private static readonly LuaValue[] NoValues = [];

    private readonly MemoryMeter? _meter;
    private LuaValue[] _array = NoValues;
    private Node[] _nodes = NoNodes;
    private int _lastFree;
    private uint _absentEvents;

    /// <summary>A table of this state, with room for so many array and other fields.</summary>
    public LuaTable(LuaState state, int arraySize = 0, int hashSize = 0) : this(state.Meter, arraySize, hashSize) { }

    internal LuaTable(MemoryMeter? meter, int arraySize, int hashSize)
    {
        _meter = meter;
        meter?.Charge(TableSize);
        if (arraySize > 0 || hashSize > 0) Resize(arraySize, hashSize);
    }

    public LuaTable? Metatable { get; set; }

    /// <summary>True when scripts may not change it ("Attempt to modify a readonly table"); the host still may.</summary>
    public bool IsReadOnly { get; set; }

    /// <summary>The border `#t` gives.</summary>
    public int Length
    {
        get
        {
            int j = _array.Length;
            if (j > 0 && _array[j - 1].IsNil)
            {
                int i = 0;
                while (j - i > 1)
                {
                    int m = (i + j) >>> 1;
                    if (_array[m - 1].IsNil) j = m;
                    else i = m;
                }
                return i;
            }
            return ReferenceEquals(_nodes, NoNodes) ? j : LengthBeyond(j);
        }
    }

    /// <summary>Bytes of the parts of this table, for the memory meter.</summary>
    internal long Size => TableSize + 16L * _array.Length + (ReferenceEquals(_nodes, NoNodes) ? 0 : (long)NodeSize * _nodes.Length);

    /// <summary>Raw access: no metamethods, no read-only check.</summary>
    /// <exception cref="LuaError">Setting: "table index is nil", "table index is NaN".</exception>
    public LuaValue this[LuaValue key]
    {
        get => Get(key);
        set => Slot(key) = value;
    }

    public LuaValue this[int key]
    {
        get => Get(key);
        set => Slot(key) = value;
    }

    public LuaValue this[LuaString key]
    {
        get => Get(key);
        set => Slot(key) = value;
    }

    public LuaValue Get(in LuaValue key)
    {
        if (key.Ref is LuaString s) return Get(s);
        if (key.IsNumber)
        {
            int i = (int)key.Num;
            if (i == key.Num) return Get(i);
        }
        int n = Find(key);
        return n < 0 ? default : _nodes[n].Value;
    }

    public LuaValue Get(int key)
    {
        var array = _array;
        if ((uint)(key - 1) < (uint)array.Length) return array[key - 1];
        int n = FindNumber(key);
        return n < 0 ? default : _nodes[n].Value;
    }

    public LuaValue Get(LuaString key)
    {
        var nodes = _nodes;
        ref Node node = ref nodes[(int)(key.Hash & (uint)(nodes.Length - 1))];
        while (true)
        {
            if (ReferenceEquals(node.Key.Ref, key) || (node.Key.Ref is LuaString s && s.Equals(key))) return node.Value;
            if (node.Next == 0) return default;
            node = ref nodes[node.Next - 1];
        }
    }

    /// <summary>Steps to the entry behind the given key (nil starts), in a fixed order.</summary>
    /// <returns>False at the end.</returns>
    /// <exception cref="LuaError">"invalid key to 'next'"</exception>
    public bool Next(ref LuaValue key, out LuaValue value)
    {
        int at = PositionAfter(key);
        bool found = NextFrom(ref at, out key, out value);
        return found;
    }

    /// <summary>Steps by position (0 starts): for whole walks of the host, cheaper than <see cref="Next"/>.</summary>
    public bool NextFrom(ref int position, out LuaValue key, out LuaValue value)
    {
        for (; position < _array.Length; position++)
        {
            if (_array[position].IsNil) continue;
            value = _array[position++];
            key = position;
            return true;
        }
        for (int n = position - _array.Length; n < _nodes.Length; n++)
        {
            if (_nodes[n].Value.IsNil) continue;
            key = _nodes[n].Key;
            value = _nodes[n].Value;
            position = _array.Length + n + 1;
            return true;
        }
        key = value = default;
        return false;
    }

    internal bool LacksEvent(int bit) => (_absentEvents & (1u << bit)) != 0;

    internal void NoteAbsentEvent(int bit) => _absentEvents |= 1u << bit;

    /// <summary>The place of a key's value if it is an array field, else null: the VM's fast way.</summary>
    internal ref LuaValue ArraySlot(double key)
    {
        int i = (int)key;
        var array = _array;
        if (i == key && (uint)(i - 1) < (uint)array.Length) return ref array[i - 1];
        return ref System.Runtime.CompilerServices.Unsafe.NullRef<LuaValue>();
    }

    /// <summary>The place of an existing key's value, else null.</summary>
    internal ref LuaValue FindSlot(LuaString key)
    {
        var nodes = _nodes;
        ref Node node = ref nodes[(int)(key.Hash & (uint)(nodes.Length - 1))];
        while (true)
        {
            if (ReferenceEquals(node.Key.Ref, key) || (node.Key.Ref is LuaString s && s.Equals(key))) return ref node.Value;
            if (node.Next == 0) return ref System.Runtime.CompilerServices.Unsafe.NullRef<LuaValue>();
            node = ref nodes[node.Next - 1];
        }
    }

    /// <summary>The place of a key's value, made when it is not there.</summary>
    internal ref LuaValue Slot(scoped in LuaValue key)
    {
        if (key.Ref is LuaString s) return ref Slot(s);
        if (key.IsNumber)
        {
            int i = (int)key.Num;
            if (i == key.Num) return ref Slot(i);
            if (double.IsNaN(key.Num)) throw new LuaError("table index is NaN");
        }
        if (key.IsNil) throw new LuaError("table index is nil");
        _absentEvents = 0;
        int n = Find(key);
        if (n >= 0) return ref _nodes[n].Value;
        return ref NewKey(key);
    }

    internal ref LuaValue Slot(LuaString key)
    {
        _absentEvents = 0;
        ref LuaValue found = ref FindSlot(key);
        if (!System.Runtime.CompilerServices.Unsafe.IsNullRef(ref found)) return ref found;
        return ref NewKey(key);
    }

    internal ref LuaValue Slot(int key)
    {
        var array = _array;
        if ((uint)(key - 1) < (uint)array.Length) return ref array[key - 1];
        int n = FindNumber(key);
        if (n >= 0) return ref _nodes[n].Value;
        return ref NewKey(new LuaValue((double)key));
    }

    /// <summary>Makes the array part at least this long, as a list constructor does.</summary>
    internal void EnsureArray(int size)
    {
        if (size > _array.Length) Resize(size, ReferenceEquals(_nodes, NoNodes) ? 0 : _nodes.Length);
    }

    private int LengthBeyond(int j)
    {
        int i = j++;
        while (!Get(j).IsNil)
        {
            i = j;
            if (j > int.MaxValue / 2) break;
            j *= 2;
        }
        while (j - i > 1)
        {
            int m = (int)(((uint)i + (uint)j) >> 1);
            if (Get(m).IsNil) j = m;
            else i = m;
        }
        return i;
    }

    private int PositionAfter(in LuaValue key)
    {
        if (key.IsNil) return 0;
        if (key.IsNumber)
        {
            int i = (int)key.Num;
            if (i == key.Num && (uint)(i - 1) < (uint)_array.Length) return i;
        }
        int n = key.Ref is LuaString s ? FindString(s) : key.IsNumber ? FindNumber(key.Num) : Find(key);
        return n < 0 ? throw new LuaError("invalid key to 'next'") : _array.Length + n + 1;
    }

    private int FindString(LuaString key)
    {
        for (int n = MainPosition(key); n >= 0; n = _nodes[n].Next - 1)
            if (_nodes[n].Key.Ref is LuaString s && s.Equals(key)) return n;
        return -1;
    }

    private int FindNumber(double key)
    {
        for (int n = TableHash.OfNumber(key, _nodes.Length); n >= 0; n = _nodes[n].Next - 1)
            if (_nodes[n].Key.IsNumber && _nodes[n].Key.Num == key) return n;
        return -1;
    }

    private int Find(in LuaValue key)
    {
        for (int n = MainPosition(key); n >= 0; n = _nodes[n].Next - 1)
            if (_nodes[n].Key.Equals(key)) return n;
        return -1;
    }

    private int MainPosition(in LuaValue key) => TableHash.Of(key, _nodes.Length);

    private ref LuaValue NewKey(scoped in LuaValue key)
    {
        int main = MainPosition(key);
        if (ReferenceEquals(_nodes, NoNodes) || !_nodes[main].Value.IsNil)
        {
            int free = ReferenceEquals(_nodes, NoNodes) ? -1 : TakeFree();
            if (free < 0)
            {
                Rehash(key);
                return ref Slot(key);
            }
            int other = MainPosition(_nodes[main].Key);
            if (other != main)
            {
                // The node here is not at its own main position: it moves to the free one, and the new key takes its place.
                while (_nodes[other].Next - 1 != main) other = _nodes[other].Next - 1;
                _nodes[other].Next = free + 1;
                _nodes[free] = _nodes[main];
                _nodes[main].Next = 0;
                _nodes[main].Value = default;
            }
            else
            {
                _nodes[free].Next = _nodes[main].Next;
                _nodes[main].Next = free + 1;
                main = free;
            }
        }
        _nodes[main].Key = key;
        return ref _nodes[main].Value;
    }

    private int TakeFree()
    {
        while (--_lastFree >= 0)
            if (_nodes[_lastFree].Key.IsNil) return _lastFree;
        _lastFree = 0;
        return -1;
    }

    private void Rehash(in LuaValue extra)
    {
        Span<int> counts = stackalloc int[MaxBits + 1];
        counts.Clear();
        int integers = 0, total = 0;
        for (int i = 0; i < _array.Length; i++)
        {
            if (_array[i].IsNil) continue;
            counts[TableHash.CeilLog2(i + 1)]++;
            integers++;
        }
        total = integers;
        for (int n = 0; n < _nodes.Length; n++)
        {
            if (_nodes[n].Value.IsNil) continue;
            integers += CountInteger(_nodes[n].Key, counts);
            total++;
        }
        integers += CountInteger(extra, counts);
        total++;
        int arraySize = BestArraySize(counts, integers, out int inArray);
        Resize(arraySize, total - inArray);
    }

    private static int CountInteger(in LuaValue key, Span<int> counts)
    {
        if (!key.IsNumber) return 0;
        int i = (int)key.Num;
        if (i != key.Num || i <= 0 || i > 1 << MaxBits) return 0;
        counts[TableHash.CeilLog2(i)]++;
        return 1;
    }

    /// <summary>The largest power of two such that more than half of 1..size is in use.</summary>
    private static int BestArraySize(ReadOnlySpan<int> counts, int integers, out int inArray)
    {
        int sum = 0, size = 0;
        inArray = 0;
        for (int i = 0, power = 1; i < counts.Length && power / 2 < integers; i++, power *= 2)
        {
            if (counts[i] > 0)
            {
                sum += counts[i];
                if (sum > power / 2)
                {
                    size = power;
                    inArray = sum;
                }
            }
            if (sum == integers) break;
        }
        return size;
    }

    private void Resize(int arraySize, int hashSize)
    {
        var oldArray = _array;
        var oldNodes = _nodes;
        int nodeCount = hashSize == 0 ? 0 : 1 << TableHash.CeilLog2(hashSize);
        _meter?.Charge(16L * Math.Max(0, arraySize - oldArray.Length) + (nodeCount > oldNodes.Length ? (long)NodeSize * nodeCount : 0));
        if (arraySize != oldArray.Length)
        {
            _array = arraySize == 0 ? NoValues : new LuaValue[arraySize];
            Array.Copy(oldArray, _array, Math.Min(oldArray.Length, arraySize));
        }
        _nodes = nodeCount == 0 ? NoNodes : new Node[nodeCount];
        _lastFree = nodeCount;
        for (int i = arraySize; i < oldArray.Length; i++)
            if (!oldArray[i].IsNil) Slot(i + 1) = oldArray[i];
        if (ReferenceEquals(oldNodes, NoNodes)) return;
        for (int n = oldNodes.Length - 1; n >= 0; n--)
            if (!oldNodes[n].Value.IsNil) Slot(oldNodes[n].Key) = oldNodes[n].Value;
    }

    /// <summary>A hash entry; Next is the index of the chain's next node plus one, 0 at its end.</summary>
    private struct Node
    {
        public LuaValue Key;
        public LuaValue Value;
        public int Next;
    }
}
