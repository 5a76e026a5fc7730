// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pressure: what heaps release when the system is short of memory.
 *
 *	level	when				releases
 *
 *	LIGHT	reclaim asks for at most 3/16	idle pages that recent demand does not
 *		of the pages it counted, and	cover, except of heaps with
 *		free memory is above the min	%SPAN_HEAP_AGE_ONLY
 *		watermark
 *	HEAVY	reclaim asks for more than	also all other idle pages except the
 *		3/16 of the pages it counted,	atomic pool
 *		or free memory is below the min
 *		watermark
 *	LAST	reclaim asks for half or more,	also the atomic pool, then cached spans
 *		or the OOM killer is about to
 *		kill, or the limit on all heaps
 *		forbids an allocation or is lowered
 *
 * No level releases pages of a heap's reserve. How much reclaim asks for follows from its
 * priority: a shrinker is called over and over until it has been asked for freeable pages
 * times 4 / (seeks * 2^priority). Heaps take turns in being the first. If one node is short,
 * heaps release pages of that node, as far as the page index can tell nodes apart.
 *
 * Seeks is 1: backing a released page again costs a page allocation, clearing, and a page
 * table entry. Shrinkers of objects that take I/O to read back use DEFAULT_SEEKS, 2, so that
 * reclaim asks heaps for twice their share. At LIGHT the heaps release less than that share:
 * only pages that recent demand does not cover.
 *
 * A busy page cache keeps kswapd at work all the time, between the low watermark, below which
 * kswapd is woken, and the high one. This load is no shortage, though on a machine of 1 GiB it
 * lowers kswapd's priority to 5. Below the min watermark kswapd does not keep up, and
 * allocating tasks have to reclaim for themselves.
 *
 * Reclaim can happen in any allocation that may sleep, those of this module and those of
 * callers that must not wait for a file system or a disk included. So the shrinker, the OOM
 * notifier and all that they call neither allocate nor wait for a task that may allocate. The
 * list of heaps is read under SRCU: pressure_remove() waits for the readers, and no reader
 * waits for it.
 */
#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/mmzone.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/rculist.h>
#include <linux/shrinker.h>
#include <linux/srcu.h>
#include <linux/swap.h>
#include <linux/topology.h>
#include <linux/vmstat.h>

#include <spanalloc/spanalloc.h>

#include "base/node.h"
#include "cache/cache.h"
#include "heap/heap.h"
#include "heap/inflight.h"
#include "heap/release.h"
#include "heap/span.h"
#include "heap/wake.h"
#include "index/lookup.h"
#include "index/pageindex.h"
#include "reclaim/pressure.h"

/* Pages that reclaim asks for at a time; each such request takes a TLB flush. */
#define SHRINK_BATCH	512

/*
 * HEAVY begins above 3/16: at priority 5 reclaim asks for 1/8 of the freeable pages, and at most
 * 1/16 more that it has put off. At priority 4 it asks for 1/4; at 3 for 1/2, which is LAST.
 */
#define HEAVY_ABOVE(freeable)	((freeable) / 16 * 3)
#define LAST_FROM(freeable)	((freeable) / 2)

/* Binary logarithm of the number of entries in @episodes. */
#define EPISODE_BITS	8

/* A release puts off an OOM kill at most once in this time, in jiffies. */
#define OOM_PATIENCE	(10 * HZ)

DEFINE_STATIC_SRCU(pressure_srcu);
static DEFINE_MUTEX(pressure_lock);	/* changes of pressure_heaps */
static LIST_HEAD(pressure_heaps);
static atomic_t pressure_turn;

/* In a read-side section of pressure_srcu. */
#define for_each_pressure_heap(heap)						\
	list_for_each_entry_srcu(heap, &pressure_heaps, pressed,		\
				 srcu_read_lock_held(&pressure_srcu))

/*
 * When reclaim last woke the scavenger, in jiffies, and the nodes that were short of memory and
 * that pressure_relieve() has not yet relieved.
 */
static unsigned long pressure_woken_at;
static nodemask_t pressure_nodes;

/* === Releasing ========================================================== */

/**
 * struct squeeze - which pages all heaps together have to release
 * @level: the highest level to release pages at
 * @by_age: leave heaps with %SPAN_HEAP_AGE_ONLY to the passes of the scavenger
 * @node: the node that is short, or %NUMA_NO_NODE
 * @reason: for the statistics
 * @want: pages still wanted
 */
struct squeeze {
	enum pressure_level level;
	bool by_age;
	int node;
	enum release_reason reason;
	unsigned long want;
};

/* Release the idle pages of a heap that @level allows; returns how many were released. */
static unsigned long squeeze_idle(struct span_heap *heap, struct squeeze *squeeze,
				  enum pressure_level level)
{
	struct release rel = RELEASE_ALL(squeeze->want, squeeze->reason);

	rel.node = squeeze->node;
	rel.surplus = level == PRESSURE_LIGHT;
	rel.keep_pool = level != PRESSURE_LAST;
	if (squeeze->by_age && heap->flags & SPAN_HEAP_AGE_ONLY)
		return 0;
	return release_idle(heap, &rel);
}

/* Release pages of one heap at @level. With @caches, drain its caches first. */
static void pressure_squeeze_heap(struct span_heap *heap, struct squeeze *squeeze,
				  enum pressure_level level, bool caches)
{
	unsigned long released;

	if (!squeeze->want || (caches && !cache_drain(heap)))
		return;
	released = squeeze_idle(heap, squeeze, level);
	squeeze->want -= released;
	/* Pressure may have taken the atomic pool: do not refill the pool for a second. */
	if (released && level == PRESSURE_LAST && squeeze->reason == RELEASE_PRESSURE)
		WRITE_ONCE(heap->pool_due, heap_now() + HZ);
}

/* Squeeze each heap once, beginning with the heap whose turn it is. */
static void pressure_squeeze_round(struct squeeze *squeeze, enum pressure_level level, bool caches)
{
	unsigned int nr = 0, first = 0, i, half;
	struct span_heap *heap;
	int idx = srcu_read_lock(&pressure_srcu);

	for_each_pressure_heap(heap)
		nr++;
	if (nr)
		first = (unsigned int)atomic_read(&pressure_turn) % nr;
	for (half = 0; half < 2; half++) {
		i = 0;
		for_each_pressure_heap(heap)
			if ((i++ >= first) == !half)
				pressure_squeeze_heap(heap, squeeze, level, caches);
	}
	srcu_read_unlock(&pressure_srcu, idx);
}

/* Squeeze all heaps at one level before any heap at the next; returns pages released. */
static unsigned long squeeze_all(struct squeeze *squeeze)
{
	unsigned long want = squeeze->want;
	enum pressure_level level;

	atomic_inc(&pressure_turn);
	for (level = PRESSURE_LIGHT; level <= squeeze->level && squeeze->want; level++)
		pressure_squeeze_round(squeeze, level, false);
	if (squeeze->level == PRESSURE_LAST && squeeze->want)
		pressure_squeeze_round(squeeze, PRESSURE_LAST, true);
	return want - squeeze->want;
}

/**
 * pressure_release() - release idle and cached pages of all heaps
 * @npages: how many at most; to release cached pages, all caches of a heap are drained
 * @reason: why, for the statistics
 *
 * Context: Any context that may sleep, in reclaim too. Allocates nothing.
 *
 * Return: pages released
 */
unsigned long pressure_release(unsigned long npages, enum release_reason reason)
{
	struct squeeze squeeze = {
		.level = PRESSURE_LAST,
		.node = NUMA_NO_NODE,
		.reason = reason,
		.want = npages,
	};

	return squeeze_all(&squeeze);
}

/**
 * pressure_wait() - wait for pages that other tasks are releasing, of any heap
 *
 * Context: Process context. May sleep; not in reclaim.
 *
 * Return: whether there were such pages and they have been released
 */
bool pressure_wait(void)
{
	struct span_heap *heap;
	bool waited = false;
	int idx = srcu_read_lock(&pressure_srcu);

	for_each_pressure_heap(heap)
		waited |= inflight_wait(heap);
	srcu_read_unlock(&pressure_srcu, idx);
	return waited;
}

static void pressure_relieve_node(int node)
{
	struct squeeze squeeze = {
		.level = PRESSURE_LIGHT,
		.by_age = true,
		.node = node,
		.reason = RELEASE_PRESSURE,
		.want = ULONG_MAX,
	};

	squeeze_all(&squeeze);
}

/**
 * pressure_relieve() - release idle pages that recent demand does not cover, whatever their age
 *
 * Releases only memory of nodes that have been short of memory, and none of heaps with
 * %SPAN_HEAP_AGE_ONLY.
 *
 * Context: Process context; the scavenger's.
 */
void pressure_relieve(void)
{
	int node;

	if (has_one_node()) {
		pressure_relieve_node(NUMA_NO_NODE);
		return;
	}
	for_each_online_node(node)
		if (node_isset(node, pressure_nodes)) {
			/* Cleared before the release: a shortage meanwhile sets it again. */
			node_clear(node, pressure_nodes);
			pressure_relieve_node(node);
		}
}

/* === Reclaim ============================================================ */

static unsigned long idle_of_node_locked(const struct span_heap *heap, int node)
{
	lockdep_assert_held(&heap->lock);
	if (has_one_node() || node == NUMA_NO_NODE)
		return heap->index.nr_idle;
	return pageindex_idle_of(&heap->index, node + 1);
}

/**
 * pressure_count() - count the pages that all heaps could release
 * @node: of which node; %NUMA_NO_NODE for all
 *
 * Context: Any context that may sleep.
 *
 * Return: pages, roughly
 */
unsigned long pressure_count(int node)
{
	struct span_heap *heap;
	unsigned long npages = 0;
	int idx = srcu_read_lock(&pressure_srcu);

	for_each_pressure_heap(heap) {
		unsigned long flags = heap_lock(heap);
		unsigned long idle = idle_of_node_locked(heap, node);
		unsigned long reserve = heap->reserve;

		heap_unlock(heap, flags);
		idle += cache_pages_of(heap, node);
		npages += idle - min(idle, reserve);
	}
	srcu_read_unlock(&pressure_srcu, idx);
	return npages;
}

/**
 * pressure_scan() - release the pages that reclaim asks for, or fewer
 * @node: the node that is short, or %NUMA_NO_NODE
 * @npages: pages that reclaim asks for in this call
 * @asked: pages that reclaim has asked for since it counted, @npages included
 * @freeable: pages that reclaim counted, as pressure_count()
 * @short_of_memory: free memory of the node is below the min watermarks of its zones
 *
 * Context: Any context that may sleep, in reclaim too. Allocates nothing.
 *
 * Return: pages released
 */
unsigned long pressure_scan(int node, unsigned long npages, unsigned long asked,
			    unsigned long freeable, bool short_of_memory)
{
	struct squeeze squeeze = {
		.level = PRESSURE_LIGHT,
		.node = has_one_node() ? NUMA_NO_NODE : node,
		.reason = RELEASE_PRESSURE,
		.want = npages,
	};

	if (asked >= LAST_FROM(freeable))
		squeeze.level = PRESSURE_LAST;
	else if (asked > HEAVY_ABOVE(freeable) || short_of_memory)
		squeeze.level = PRESSURE_HEAVY;
	squeeze.by_age = squeeze.level == PRESSURE_LIGHT;
	if (squeeze.level > PRESSURE_LIGHT && squeeze.node != NUMA_NO_NODE)
		node_set(squeeze.node, pressure_nodes);
	/* Concurrent callers may both wake the thread; that is harmless. */
	if (squeeze.level > PRESSURE_LIGHT &&
	    time_after_eq(jiffies, READ_ONCE(pressure_woken_at) + HZ)) {
		WRITE_ONCE(pressure_woken_at, jiffies);
		scavenger_wake(WAKE_PRESSURE);
	}
	return squeeze_all(&squeeze);
}

/**
 * pressure_zone_is_short() - compare a zone's free memory with its min watermark
 * @zone: the zone; only its watermark and its reserve for higher zones are looked at
 * @free: how many of its pages are free
 *
 * A boost against fragmentation raises the watermark for kswapd, which is no shortage.
 *
 * Context: Any.
 *
 * Return: whether @free is below the min watermark plus the reserve for %ZONE_NORMAL
 */
bool pressure_zone_is_short(const struct zone *zone, unsigned long free)
{
	return free < zone->_watermark[WMARK_MIN] + zone->lowmem_reserve[ZONE_NORMAL];
}

/* Are all zones of a node short that the kernel's ordinary allocations may come from? */
static bool node_is_short(int node)
{
	struct zone *zones = NODE_DATA(node)->node_zones;
	int i;

	for (i = 0; i <= ZONE_NORMAL; i++)
		if (populated_zone(&zones[i]) &&
		    !pressure_zone_is_short(&zones[i], zone_page_state(&zones[i], NR_FREE_PAGES)))
			return false;
	return true;
}

/**
 * struct episode - how many pages one task's reclaim has asked for
 * @task: the task; only compared
 * @freeable: pages that the shrinker counted for the task
 * @asked: pages that the task's reclaim has asked for since then
 *
 * A task whose entry another task has overwritten is treated as if its reclaim began anew.
 */
struct episode {
	struct task_struct *task;
	unsigned long freeable;
	unsigned long asked;
};

static struct episode episodes[1 << EPISODE_BITS];

static struct episode *episode_of(struct task_struct *task, int node)
{
	return &episodes[hash_long((unsigned long)task + node, EPISODE_BITS)];
}

/**
 * pressure_shrink_count() - count the pages that reclaim of a node could have
 * @shrink: the shrinker
 * @sc: which node
 *
 * Begins a new episode of the task.
 *
 * Context: Reclaim.
 *
 * Return: pages, or %SHRINK_EMPTY
 */
unsigned long pressure_shrink_count(struct shrinker *shrink, struct shrink_control *sc)
{
	unsigned long npages = pressure_count(sc->nid);
	struct episode *episode = episode_of(current, sc->nid);

	/*
	 * Tasks that share an entry may mix these values up: a scan may release too little or too
	 * much.
	 */
	WRITE_ONCE(episode->task, current);
	WRITE_ONCE(episode->freeable, npages);
	WRITE_ONCE(episode->asked, 0);
	return npages ? npages : SHRINK_EMPTY;
}

/**
 * pressure_shrink_scan() - release the pages that reclaim asks for, as pressure_scan()
 * @shrink: the shrinker
 * @sc: which node, and how many pages; nr_scanned is set to the same number
 *
 * Context: Reclaim.
 *
 * Return: pages released, or %SHRINK_STOP if more calls would be in vain
 */
unsigned long pressure_shrink_scan(struct shrinker *shrink, struct shrink_control *sc)
{
	struct episode *episode = episode_of(current, sc->nid);
	unsigned long asked, freeable, released;

	/* Another task has overwritten the entry: begin a new episode. */
	if (READ_ONCE(episode->task) != current)
		pressure_shrink_count(shrink, sc);
	asked = READ_ONCE(episode->asked) + sc->nr_to_scan;
	freeable = READ_ONCE(episode->freeable);
	WRITE_ONCE(episode->asked, asked);
	released = pressure_scan(sc->nid, sc->nr_to_scan, asked, freeable,
				 node_is_short(sc->nid));
	/* Direct reclaim sees pages that a shrinker frees only if they are reported. */
	account_reclaimed(released);
	/* Count all as scanned: reclaim then does not ask again for pages that stay. */
	sc->nr_scanned = sc->nr_to_scan;
	return released || asked < 2 * freeable ? released : SHRINK_STOP;
}

#if SHRINKERS_ARE_ALLOCATED
static struct shrinker *shrinker;

static int pressure_start_shrinker(void)
{
	shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE, "spanalloc");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = pressure_shrink_count;
	shrinker->scan_objects = pressure_shrink_scan;
	shrinker->batch = SHRINK_BATCH;
	shrinker->seeks = 1;
	shrinker_register(shrinker);
	return 0;
}

static void stop_shrinker(void)
{
	shrinker_free(shrinker);
}
#else
static struct shrinker shrinker = {
	.count_objects = pressure_shrink_count,
	.scan_objects = pressure_shrink_scan,
	.batch = SHRINK_BATCH,
	.seeks = 1,
	.flags = SHRINKER_NUMA_AWARE,
};

static int pressure_start_shrinker(void)
{
	return register_shrinker(&shrinker, "spanalloc");
}

static void stop_shrinker(void)
{
	unregister_shrinker(&shrinker);
}
#endif

/* === The OOM killer ===================================================== */

/**
 * pressure_is_progress() - decide whether a release may put off a kill
 * @released: pages that have been released
 * @now: the time, in jiffies
 * @last: when a release last put off a kill, in jiffies; 0 if none has; updated
 *
 * A busy heap has some idle pages at every call. Releasing them counts as progress at most
 * once in ten seconds, so that busy heaps do not put off kills for ever.
 *
 * Context: Process context. The OOM killer serialises its callers.
 *
 * Return: whether it may
 */
bool pressure_is_progress(unsigned long released, unsigned long now, unsigned long *last)
{
	if (!released || (*last && time_before(now, *last + OOM_PATIENCE)))
		return false;
	/* Never 0, which stands for no release. */
	*last = now | 1;
	return true;
}

/**
 * pressure_oom_notify() - before an OOM kill, release all idle and cached pages
 * @nb: the notifier
 * @action: always 0
 * @freed: pages that other notifiers have freed; increased to put off the kill
 *
 * Context: Process context, in reclaim.
 *
 * Return: %NOTIFY_OK
 */
int pressure_oom_notify(struct notifier_block *nb, unsigned long action, void *freed)
{
	static unsigned long last;
	unsigned long released = pressure_release(ULONG_MAX, RELEASE_PRESSURE);

	if (pressure_is_progress(released, jiffies, &last))
		*(unsigned long *)freed += released;
	return NOTIFY_OK;
}

static struct notifier_block oom_notifier = {
	.notifier_call = pressure_oom_notify,
};

/* === Making and ending ================================================== */

/**
 * pressure_start() - register the shrinker and the OOM notifier
 *
 * Return: 0 or a negative error code
 */
int __init pressure_start(void)
{
	int ret;

	pressure_woken_at = jiffies - HZ;
	ret = register_oom_notifier(&oom_notifier);
	if (ret)
		return ret;
	ret = pressure_start_shrinker();
	if (ret)
		unregister_oom_notifier(&oom_notifier);
	return ret;
}

/**
 * pressure_stop() - the reverse of pressure_start()
 */
void pressure_stop(void)
{
	stop_shrinker();
	unregister_oom_notifier(&oom_notifier);
}

/**
 * pressure_add() - have a heap release pages under pressure
 * @heap: the heap
 */
void pressure_add(struct span_heap *heap)
{
	mutex_lock(&pressure_lock);
	list_add_tail_rcu(&heap->pressed, &pressure_heaps);
	mutex_unlock(&pressure_lock);
}

/**
 * pressure_remove() - stop releasing pages of a heap under pressure
 * @heap: the heap
 *
 * Waits for the tasks that are releasing pages of the heap under pressure.
 */
void pressure_remove(struct span_heap *heap)
{
	mutex_lock(&pressure_lock);
	list_del_rcu(&heap->pressed);
	mutex_unlock(&pressure_lock);
	synchronize_srcu(&pressure_srcu);
}
