// The quicksort of table.sort. The pivots, and so the calls of an order function and the result of an invalid one, are those of
// Sedgewick's version with median of three that Lua uses; an order function that never says "no" runs into the ends of the range and
// raises "invalid order function for sorting".
using Shoal.Lua.Running;

namespace Shoal.Lua.Libraries;

/// <summary>Sorts a table in place.</summary>
internal readonly ref struct TableSort(LuaThread thread, LuaTable table, LuaValue order)
{
    public void Run(int length) => Sort(1, length);

    private void Sort(int low, int high)
    {
        while (low < high)
        {
            if (Less(table[high], table[low])) Swap(low, high);
            if (high - low == 1) return;
            int middle = (int)(((uint)low + (uint)high) / 2);
            if (Less(table[middle], table[low])) Swap(middle, low);
            else if (Less(table[high], table[middle])) Swap(middle, high);
            if (high - low == 2) return;
            var pivot = table[middle];
            Swap(middle, high - 1);
            int i = Partition(low, high, pivot);
            Swap(high - 1, i);
            // The smaller half by recursion, the larger by the loop: the depth stays logarithmic.
            if (i - low < high - i)
            {
                Sort(low, i - 1);
                low = i + 1;
            }
            else
            {
                Sort(i + 1, high);
                high = i - 1;
            }
        }
    }

    private int Partition(int low, int high, in LuaValue pivot)
    {
        int i = low, j = high - 1;
        while (true)
        {
            while (Less(table[++i], pivot))
                if (i > high) throw CallSite.RuntimeErrorAt(thread, 1, "invalid order function for sorting");
            while (Less(pivot, table[--j]))
                if (j < low) throw CallSite.RuntimeErrorAt(thread, 1, "invalid order function for sorting");
            if (j < i) return i;
            Swap(i, j);
        }
    }

    private void Swap(int a, int b) => (table[a], table[b]) = (table[b], table[a]);

    private bool Less(in LuaValue a, in LuaValue b)
    {
        thread.State.Tick();
        return order.IsNil ? Metamethods.Less(thread, a, b) : thread.CallValue(order, a, b).IsTruthy;
    }
}
