// Where backups lie: a directory or an S3 bucket, behind the five things we do with it. Files become visible whole: a
// directory gets them by rename, S3 when the upload completes.
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Backups;

/// <summary>A place for backups. Names are relative, with slashes.</summary>
public abstract class BackupStore : IAsyncDisposable
{
    /// <summary>Opens the store at a URL: <c>file:///dir</c> or <c>s3://bucket/prefix</c>. S3 credentials come from the environment when not given.</summary>
    /// <exception cref="FormatException">Not such a URL.</exception>
    public static BackupStore Open(string url, string? endpoint = null, string? region = null, AWSCredentials? credentials = null)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri))
        {
            throw new FormatException($"'{url}' is not a URL such as file:///backups or s3://bucket/prefix");
        }

        return uri.Scheme switch
        {
            "file" => new DirectoryStore(uri.LocalPath),
            "s3" => new S3Store(Client(endpoint, region, credentials), uri.Host, uri.AbsolutePath.Trim('/')),
            _ => throw new FormatException($"'{url}': only file:// and s3:// are supported"),
        };
    }

    /// <summary>Opens the store a spec names, with the credentials of its Secret.</summary>
    public static async Task<BackupStore> OpenAsync(ObjectStoreSpec spec, IKubernetes kubernetes, string ns, CancellationToken ct)
    {
        AWSCredentials? credentials = null;
        if (spec.CredentialsSecretRef is { } reference)
        {
            var secret = await kubernetes.GetAsync<V1Secret>(ns, reference.Name, ct).ConfigureAwait(false)
                ?? throw new IOException($"Secret {reference.Name} with the store's credentials does not exist");
            credentials = new BasicAWSCredentials(Value(secret, "AWS_ACCESS_KEY_ID"), Value(secret, "AWS_SECRET_ACCESS_KEY"));
        }

        return Open(ObjectStoreAccess.Url(spec), spec.Endpoint, spec.Region, credentials);
    }

    /// <summary>Writes a file from a stream of unknown length.</summary>
    public abstract Task WriteAsync(string name, Stream content, CancellationToken ct);

    /// <summary>Opens a file; null when there is none.</summary>
    public abstract Task<Stream?> OpenReadAsync(string name, CancellationToken ct);

    /// <summary>Deletes a backup's folder: the manifest first, so that a half-deleted backup is no backup.</summary>
    public abstract Task DeleteFolderAsync(string folder, CancellationToken ct);

    /// <inheritdoc/>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    private static string Value(V1Secret secret, string key) =>
        secret.Data?.GetValueOrDefault(key) is { } bytes
            ? System.Text.Encoding.UTF8.GetString(bytes).Trim()
            : throw new IOException($"Secret {secret.Metadata.Name} lacks the key {key}");

    private static AmazonS3Client Client(string? endpoint, string? region, AWSCredentials? credentials)
    {
        var config = new AmazonS3Config
        {
            ForcePathStyle = true,
            // Servers that are not AWS often know neither trailing checksums nor chunked signatures.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            AuthenticationRegion = region ?? "us-east-1",
        };
        if (endpoint is { Length: > 0 })
        {
            config.ServiceURL = endpoint;
        }
        else
        {
            config.RegionEndpoint = Amazon.RegionEndpoint.GetBySystemName(region ?? "us-east-1");
        }

        credentials ??= Environment.GetEnvironmentVariable("AWS_ACCESS_KEY_ID") is { Length: > 0 } id
            ? new BasicAWSCredentials(id, Environment.GetEnvironmentVariable("AWS_SECRET_ACCESS_KEY") ?? "")
            : null;
        return credentials is null ? new AmazonS3Client(config) : new AmazonS3Client(credentials, config);
    }

    private sealed class DirectoryStore(string root) : BackupStore
    {
        public override async Task WriteAsync(string name, Stream content, CancellationToken ct)
        {
            var path = Resolve(name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            var partial = path + ".partial";
            await using (var file = new FileStream(partial, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20, FileOptions.Asynchronous))
            {
                await content.CopyToAsync(file, 1 << 20, ct).ConfigureAwait(false);
                file.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite: true);
        }

        public override Task<Stream?> OpenReadAsync(string name, CancellationToken ct)
        {
            var path = Resolve(name);
            return Task.FromResult<Stream?>(File.Exists(path)
                ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.Asynchronous | FileOptions.SequentialScan)
                : null);
        }

        public override Task DeleteFolderAsync(string folder, CancellationToken ct)
        {
            var path = Resolve(folder);
            File.Delete(Path.Combine(path, BackupManifest.FileName));
            if (Directory.Exists(path))
            {
                Directory.Delete(path, recursive: true);
            }

            return Task.CompletedTask;
        }

        private string Resolve(string name)
        {
            var path = Path.GetFullPath(Path.Combine(root, name));
            return path.StartsWith(Path.GetFullPath(root).TrimEnd('/') + "/", StringComparison.Ordinal)
                ? path
                : throw new IOException($"'{name}' leads out of {root}");
        }
    }

    private sealed class S3Store(AmazonS3Client client, string bucket, string prefix) : BackupStore
    {
        // 10,000 parts are the most an upload may have: 16 MB parts carry 160 GB per shard.
        private const int PartBytes = 16 << 20;

        public override async Task WriteAsync(string name, Stream content, CancellationToken ct)
        {
            var key = Key(name);
            var first = await ReadPartAsync(content, ct).ConfigureAwait(false);
            if (first.Length < PartBytes)
            {
                await client.PutObjectAsync(new PutObjectRequest { BucketName = bucket, Key = key, InputStream = first, UseChunkEncoding = false }, ct).ConfigureAwait(false);
                return;
            }

            var upload = await client.InitiateMultipartUploadAsync(new InitiateMultipartUploadRequest { BucketName = bucket, Key = key }, ct).ConfigureAwait(false);
            try
            {
                var parts = new List<PartETag>();
                for (var part = first; part.Length > 0; part = await ReadPartAsync(content, ct).ConfigureAwait(false))
                {
                    var size = part.Length;
                    var done = await client.UploadPartAsync(
                        new UploadPartRequest
                        {
                            BucketName = bucket, Key = key, UploadId = upload.UploadId, PartNumber = parts.Count + 1,
                            InputStream = part, PartSize = size, UseChunkEncoding = false,
                        }, ct).ConfigureAwait(false);
                    parts.Add(new PartETag(parts.Count + 1, done.ETag));
                }

                await client.CompleteMultipartUploadAsync(
                    new CompleteMultipartUploadRequest { BucketName = bucket, Key = key, UploadId = upload.UploadId, PartETags = parts }, ct).ConfigureAwait(false);
            }
            catch
            {
                await client.AbortMultipartUploadAsync(bucket, key, upload.UploadId, CancellationToken.None).ConfigureAwait(false);
                throw;
            }
        }

        public override async Task<Stream?> OpenReadAsync(string name, CancellationToken ct)
        {
            try
            {
                return (await client.GetObjectAsync(bucket, Key(name), ct).ConfigureAwait(false)).ResponseStream;
            }
            catch (AmazonS3Exception e) when (e.StatusCode == System.Net.HttpStatusCode.NotFound)
            {
                return null;
            }
        }

        public override async Task DeleteFolderAsync(string folder, CancellationToken ct)
        {
            await client.DeleteObjectAsync(bucket, Key($"{folder}/{BackupManifest.FileName}"), ct).ConfigureAwait(false);
            ListObjectsV2Response page;
            var request = new ListObjectsV2Request { BucketName = bucket, Prefix = Key(folder) + "/" };
            do
            {
                page = await client.ListObjectsV2Async(request, ct).ConfigureAwait(false);
                foreach (var entry in page.S3Objects ?? [])
                {
                    await client.DeleteObjectAsync(bucket, entry.Key, ct).ConfigureAwait(false);
                }

                request.ContinuationToken = page.NextContinuationToken;
            }
            while (page.IsTruncated == true);
        }

        public override ValueTask DisposeAsync()
        {
            client.Dispose();
            return base.DisposeAsync();
        }

        private string Key(string name) => prefix.Length == 0 ? name : prefix + "/" + name;

        private static async Task<MemoryStream> ReadPartAsync(Stream content, CancellationToken ct)
        {
            var part = new MemoryStream();
            var buffer = new byte[1 << 20];
            while (part.Length < PartBytes)
            {
                var n = await content.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, PartBytes - part.Length)), ct).ConfigureAwait(false);
                if (n == 0)
                {
                    break;
                }

                part.Write(buffer, 0, n);
            }

            part.Position = 0;
            return part;
        }
    }
}
