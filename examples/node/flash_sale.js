'use strict';
// A storefront: a product page that shows what is left, two units that are held and sold, and a wish for more than
// there is, refused with the figures to show the buyer.
//
//   npm ci && node flash_sale.js 127.0.0.1:50052 PB-20K-HTM [flash sale code]

const { Lumbung, LumbungError } = require('./lumbung');

async function main([target = '127.0.0.1:50052', sku_code = 'PB-20K-HTM', flash_sale_code = '']) {
  const lumbung = new Lumbung(target, 'storefront:web');
  try {
    const stop = await showWhatIsLeft(lumbung, sku_code);
    const sale = { channel_code: 'web', customer_reference: 'customer-17', flash_sale_code };
    await sell(lumbung, sku_code, sale);
    await askForTooMany(lumbung, sku_code, sale);
    stop();
  } finally {
    lumbung.close();
  }
}

/** Resolves when the page shows its first figure. */
function showWhatIsLeft(lumbung, sku_code) {
  return new Promise((resolve, reject) => {
    const stop = lumbung.watch([sku_code], show, reject);
    function show(change) {
      for (const figure of change.availabilities) {
        console.log(`watching: ${figure.available_to_promise + figure.flash_sale_available} x ${figure.sku_code}`);
      }
      resolve(stop);
    }
  });
}

async function sell(lumbung, sku_code, sale) {
  const held = await lumbung.reserve([{ sku_code, quantity: 2 }], { ...sale, ttl: { seconds: 600 } });
  console.log(`held: 2 x ${sku_code} until ${new Date(held.expire_time.seconds * 1000).toISOString()}`);
  const order_reference = `NODE-${held.reservation_id.slice(-12)}`;
  const sold = await lumbung.confirm(held.reservation_id, { order_reference });
  console.log(`sold: ${sold.order.order_reference} is ${sold.state}`);
}

async function askForTooMany(lumbung, sku_code, sale) {
  try {
    await lumbung.reserve([{ sku_code, quantity: 1_000_000 }], sale);
  } catch (error) {
    if (!(error instanceof LumbungError) || error.reason !== 'OUT_OF_STOCK') throw error;
    for (const line of error.lines) {
      console.log(`refused: ${line.asked_quantity} x ${line.sku_code}, ${line.available_quantity} left`);
    }
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
