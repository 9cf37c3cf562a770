// The RDB file format, as far as we write and read it.
//
//   "REDIS" + 4 digits version        10 written; 1 .. 12 (Redis) and 80 (Valkey 9) read
//   FA  key value                     aux field (strings); "shoal-client" belongs to the entry behind it, others read over it
//   F5  code                          function library (string)
//   FE  db                            entries that follow belong to this database
//   FB  keys, expiring keys           size hint
//   F4  slot, keys, expiring keys     slot hint (Redis 8 cluster)
//   [FD seconds:4 | FC milliseconds:8] [F8 idle-seconds | F9 frequency:1]  type key value     an entry
//   FF  crc64:8                       end; crc of all bytes before it, 0 = not computed
//
//   length   00LLLLLL | 01LLLLLL LLLLLLLL | 80 + 4 bytes BE | 81 + 8 bytes BE | 11TTTTTT = special string
//   string   length bytes | C0 int8 | C1 int16 LE | C2 int32 LE | C3 clen len lzf-bytes
//
//   type  0 string              1 list: n strings        2 set: n strings        3 zset: n (string, score text)
//         4 hash: n pairs       5 zset2: n (string, double LE)                   6, 7 module (refused)
//         9 zipmap             10 list ziplist          11 intset               12 zset ziplist    13 hash ziplist
//        14 quicklist: n ziplists                       15, 19, 21 stream (see StreamEncoder)
//        16 hash listpack      17 zset listpack         18 quicklist2: n (container 1 plain | 2 packed, string)
//        20 set listpack       22 .. 25 hash with field expiry (refused)
//
//   DUMP payload: type, value, version:2 LE, crc64:8 LE of everything before it.
namespace Shoal.Server.Persistence.Snapshots;

/// <summary>Numbers of the RDB format; they are on disks all over the world and never change.</summary>
public static class SnapshotFormat
{
    /// <summary>The version written: Redis 7.0 reads no newer one.</summary>
    public const int WrittenVersion = 10;

    /// <summary>Newest Redis version read.</summary>
    public const int NewestVersion = 12;

    /// <summary>Valkey 9's version: same encodings, plus its own.</summary>
    public const int ValkeyVersion = 80;

    public const byte OpSlotHint = 0xF4;
    public const byte OpFunction = 0xF5;
    public const byte OpFunctionPreGa = 0xF6;
    public const byte OpModuleAux = 0xF7;
    public const byte OpIdle = 0xF8;
    public const byte OpFrequency = 0xF9;
    public const byte OpAux = 0xFA;
    public const byte OpResize = 0xFB;
    public const byte OpExpiryMs = 0xFC;
    public const byte OpExpirySeconds = 0xFD;
    public const byte OpSelect = 0xFE;
    public const byte OpEnd = 0xFF;

    public const byte TypeString = 0;
    public const byte TypeList = 1;
    public const byte TypeSet = 2;
    public const byte TypeSortedSetText = 3;
    public const byte TypeHash = 4;
    public const byte TypeSortedSet = 5;
    public const byte TypeModule = 6;
    public const byte TypeModule2 = 7;
    public const byte TypeHashZipmap = 9;
    public const byte TypeListZiplist = 10;
    public const byte TypeIntSet = 11;
    public const byte TypeSortedSetZiplist = 12;
    public const byte TypeHashZiplist = 13;
    public const byte TypeQuicklist = 14;
    public const byte TypeStream = 15;
    public const byte TypeHashListpack = 16;
    public const byte TypeSortedSetListpack = 17;
    public const byte TypeQuicklist2 = 18;
    public const byte TypeStream2 = 19;
    public const byte TypeSetListpack = 20;
    public const byte TypeStream3 = 21;
    public const byte TypeHashExpiryPreGa = 22;
    public const byte TypeHashExpiry = 25;

    /// <summary>Aux field before an entry: its client word (memcached's flags and version) as a signed number.</summary>
    public const string ClientWordAux = "shoal-client";

    public const int NodePlain = 1;
    public const int NodePacked = 2;

    /// <summary>True for versions whose files and payloads can be read.</summary>
    public static bool Reads(int version) => version is >= 1 and <= NewestVersion or ValkeyVersion;
}
