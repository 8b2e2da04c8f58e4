"""myFM's variational factorisation machine on user × item ratings."""
import time
from importlib.metadata import version

from common import array, np, option, report
import myfm
import scipy.sparse as sp

U, I = int(option["users"]), int(option["items"])
rank, sweeps = int(option["rank"]), int(option["sweeps"])


def design(users, items):
    n = len(users)
    columns = np.empty(2 * n, np.int32)
    columns[0::2], columns[1::2] = users, items.astype(np.int64) + U
    return sp.csr_matrix(
        (np.ones(2 * n), columns, np.arange(0, 2 * n + 1, 2, dtype=np.int32)), shape=(n, U + I)
    )


train = design(array("users.u32", "<u4"), array("items.u32", "<u4"))
y = array("ratings.f32", "<f4").astype(float)
test = design(array("test_users.u32", "<u4"), array("test_items.u32", "<u4"))
y_test = array("test_ratings.f32", "<f4").astype(float)

cls = myfm.VariationalFMRegressor if option.get("mode", "vb") == "vb" else myfm.MyFMGibbsRegressor
model = cls(rank=rank, random_seed=0)
stamps, cpu = [], []


def lap(*_):
    stamps.append(time.perf_counter())
    cpu.append(time.process_time())
    return False, None


extra = {} if option.get("mode", "vb") == "vb" else {"n_kept_samples": max(sweeps // 2, 1)}
start = time.perf_counter()
model.fit(train, y, n_iter=sweeps, group_shapes=[U, I],
          callback=lap, **extra)
total = time.perf_counter() - start
per_sweep = float(np.median(np.diff(stamps))) if len(stamps) > 1 else total / sweeps
cpu_per_sweep = float(np.median(np.diff(cpu))) if len(cpu) > 1 else None
rmse = float(np.sqrt(np.mean((model.predict(test) - y_test) ** 2)))
report(name=f"myFM {version('myfm')} {option.get('mode', 'vb')}", seconds=per_sweep, total=total,
       cpu=cpu_per_sweep, accuracy=rmse)
